//! Who validates an epoch, and with which stake. The rules are nearcore's
//! (`chain/epoch-manager/src/{lib,validator_selection}.rs`): what an epoch's blocks propose decides,
//! at its end, over the epoch after the next one, and a stake is given back once three epochs have
//! done without it. There are no rewards, and nobody is dropped for blocks that were not made:
//! every block is made by the node itself, whoever validates.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};
use near_primitives::block::compute_bp_hash_from_validator_stakes;
use near_primitives::epoch_manager::EpochConfig;
use near_primitives::hash::CryptoHash;
use near_primitives::num_rational::Ratio;
use near_primitives::types::validator_stake::ValidatorStake;
use near_primitives::types::{AccountId, Balance, NumSeats, ValidatorKickoutReason};

/// The validators of an epoch, and what choosing them did to stakes.
#[derive(Debug, BorshDeserialize, BorshSerialize)]
#[borsh(init = take_stakes)]
pub struct Validators {
    /// The largest stake first.
    chosen: Vec<ValidatorStake>,
    /// The same, as contracts ask for it.
    #[borsh(skip)]
    stakes: Arc<[(AccountId, Balance)]>,
    /// What everyone who validated before, or proposed to, has at stake from now on.
    stake_changes: BTreeMap<AccountId, Balance>,
    /// Who does not validate any more, and why.
    dropped: BTreeMap<AccountId, ValidatorKickoutReason>,
    /// The least stake that would have been chosen.
    seat_price: Balance,
    /// The hash of those who may make blocks, as headers carry it.
    hash: CryptoHash,
}

impl Validators {
    /// The validators, the one with the largest stake first.
    pub fn chosen(&self) -> &[ValidatorStake] {
        &self.chosen
    }

    /// Those of them that may make blocks: as many as there are seats.
    pub fn block_producers(&self, config: &EpochConfig) -> &[ValidatorStake] {
        prefix(&self.chosen, config.num_block_producer_seats)
    }

    /// Those of them that may make chunks: as many as there are seats.
    pub fn chunk_producers(&self, config: &EpochConfig) -> &[ValidatorStake] {
        prefix(&self.chosen, config.num_chunk_producer_seats)
    }

    /// Who was a validator in the epoch before, or wanted to stay one, and is none.
    pub fn dropped(&self) -> &BTreeMap<AccountId, ValidatorKickoutReason> {
        &self.dropped
    }

    fn take_stakes(&mut self) {
        self.stakes = stakes(&self.chosen);
    }

    pub(super) fn stakes(&self) -> &Arc<[(AccountId, Balance)]> {
        &self.stakes
    }

    pub(super) fn hash(&self) -> CryptoHash {
        self.hash
    }

    /// The least that a stake action may stake, in the epoch before.
    pub(super) fn minimum_stake(&self, config: &EpochConfig) -> Balance {
        let divisor = u128::from(config.minimum_stake_divisor);
        self.seat_price.checked_div(divisor).unwrap_or(self.seat_price)
    }

    /// The validators of the first two epochs.
    fn genesis(config: &EpochConfig, validators: &[ValidatorStake]) -> Self {
        let selection = Selection::of(config, validators.to_vec());
        let chosen =
            if selection.chosen.is_empty() { validators.to_vec() } else { selection.chosen };
        let stake_changes =
            validators.iter().map(|v| (v.account_id().clone(), v.stake())).collect();
        // The genesis block's own hash is that of the list as it was written.
        let hash = compute_bp_hash_from_validator_stakes(&validators.to_vec(), true);
        Self {
            stakes: stakes(&chosen),
            chosen,
            stake_changes,
            dropped: BTreeMap::new(),
            seat_price: selection.threshold,
            hash,
        }
    }

    /// The validators of the epoch after the one of `self`, from what was proposed in the epoch
    /// before it. `None` when nobody would be left.
    fn following(
        &self,
        config: &EpochConfig,
        proposals: &BTreeMap<AccountId, ValidatorStake>,
    ) -> Option<Self> {
        let unstaked: BTreeSet<_> = proposals
            .iter()
            .filter(|(id, proposal)| {
                let before = self.stake_changes.get(*id).copied().unwrap_or_default();
                proposal.stake().is_zero() && !before.is_zero()
            })
            .map(|(id, _)| id)
            .collect();
        let mut candidates: BTreeMap<_, _> =
            self.chosen.iter().map(|validator| (validator.account_id(), validator)).collect();
        candidates.extend(proposals);
        let mut stake_changes: BTreeMap<AccountId, Balance> =
            candidates.iter().map(|(id, stake)| ((*id).clone(), stake.stake())).collect();
        let mut dropped: BTreeMap<_, _> =
            unstaked.iter().map(|id| ((*id).clone(), ValidatorKickoutReason::Unstaked)).collect();
        let candidates = candidates.into_iter().filter(|(id, _)| !unstaked.contains(id));
        let selection = Selection::of(config, candidates.map(|(_, stake)| stake.clone()).collect());
        if prefix(&selection.chosen, config.num_chunk_producer_seats).is_empty() {
            return None;
        }
        let (threshold, chosen) = (selection.threshold, selection.chosen);
        for rest in selection.rest {
            let (id, _, stake) = rest.destructure();
            stake_changes.insert(id.clone(), Balance::ZERO);
            if self.chosen.iter().any(|validator| *validator.account_id() == id) {
                dropped.insert(id, ValidatorKickoutReason::NotEnoughStake { stake, threshold });
            }
        }
        let producers = prefix(&chosen, config.num_block_producer_seats).to_vec();
        Some(Self {
            hash: compute_bp_hash_from_validator_stakes(&producers, true),
            stakes: stakes(&chosen),
            chosen,
            stake_changes,
            dropped,
            seat_price: threshold,
        })
    }
}

/// What a block knows of the validators: those of its epoch and of the next one, and who proposed
/// to be one in its epoch so far.
#[derive(Clone, Debug)]
pub struct Staking {
    current: Arc<Validators>,
    next: Arc<Validators>,
    proposals: Arc<BTreeMap<AccountId, ValidatorStake>>,
}

impl Staking {
    pub(super) fn genesis(config: &EpochConfig, validators: &[ValidatorStake]) -> Self {
        let validators = Arc::new(Validators::genesis(config, validators));
        Self { current: Arc::clone(&validators), next: validators, proposals: Arc::default() }
    }

    /// How much each account has to keep locked from the first block on, where the first epoch begins.
    pub(super) fn kept_from_genesis(&self) -> BTreeMap<AccountId, Balance> {
        self.current.stake_changes.clone()
    }

    /// The validators of the block's epoch.
    pub fn current(&self) -> &Arc<Validators> {
        &self.current
    }

    /// The validators of the epoch after it.
    pub fn next(&self) -> &Arc<Validators> {
        &self.next
    }

    /// The proposals of the epoch up to the block, the last one of each account.
    pub fn proposals(&self) -> impl Iterator<Item = &ValidatorStake> {
        self.proposals.values()
    }

    /// What `id` has at stake in this epoch or the next one, or has proposed to stake after them:
    /// less than that it cannot have locked.
    pub fn at_stake(&self, id: &AccountId) -> Balance {
        let chosen = [&self.current, &self.next].map(|validators| validators.stake_changes.get(id));
        let proposed = self.proposals.get(id).map(ValidatorStake::stake);
        chosen.into_iter().flatten().copied().chain(proposed).max().unwrap_or_default()
    }

    /// What a block of the same epoch knows, whose header has the proposals `made`.
    pub(super) fn continued(&self, made: &[ValidatorStake]) -> Self {
        if made.is_empty() {
            return self.clone();
        }
        let mut proposals = self.proposals.as_ref().clone();
        proposals.extend(by_account(made));
        Self { proposals: Arc::new(proposals), ..self.clone() }
    }

    /// What the first block of the next epoch knows, whose header has the proposals `made`; and how
    /// much each account that was concerned in three epochs has to keep locked from there on.
    pub(super) fn turned(
        &self,
        config: &EpochConfig,
        made: &[ValidatorStake],
    ) -> (Self, BTreeMap<AccountId, Balance>) {
        let following = self.next.following(config, &self.proposals).map(Arc::new);
        // Without anyone left all stay as they are.
        let following = following.unwrap_or_else(|| Arc::clone(&self.next));
        let mut kept: BTreeMap<AccountId, Balance> = BTreeMap::new();
        let changes = [&self.current, &self.next, &following];
        for (id, stake) in changes.iter().flat_map(|validators| &validators.stake_changes) {
            let most = kept.entry(id.clone()).or_default();
            *most = (*most).max(*stake);
        }
        // A proposal of the last block belongs to the new epoch. It keeps a stake that it just
        // locked, but does not lock anything itself.
        for proposal in made {
            if let Some(most) = kept.get_mut(proposal.account_id()) {
                *most = (*most).max(proposal.stake());
            }
        }
        let turned = Self {
            current: Arc::clone(&self.next),
            next: following,
            proposals: Arc::new(by_account(made)),
        };
        (turned, kept)
    }
}

impl BorshSerialize for Staking {
    fn serialize<W: io::Write>(&self, writer: &mut W) -> io::Result<()> {
        let next = (!Arc::ptr_eq(&self.current, &self.next)).then_some(&*self.next);
        (&*self.current, next, &*self.proposals).serialize(writer)
    }
}

impl BorshDeserialize for Staking {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let current = Arc::new(Validators::deserialize_reader(reader)?);
        let next = Option::<Validators>::deserialize_reader(reader)?.map(Arc::new);
        let proposals = Arc::new(BTreeMap::deserialize_reader(reader)?);
        Ok(Self { next: next.unwrap_or_else(|| Arc::clone(&current)), current, proposals })
    }
}

/// Proposals sorted into those that get a seat and those that do not.
struct Selection {
    chosen: Vec<ValidatorStake>,
    rest: Vec<ValidatorStake>,
    /// The least stake that would have got one.
    threshold: Balance,
}

impl Selection {
    /// The largest stakes get the seats, as long as each is large enough beside those before it.
    fn of(config: &EpochConfig, mut proposals: Vec<ValidatorStake>) -> Self {
        proposals.sort_by_key(|stake| (Reverse(stake.stake()), stake.account_id().clone()));
        let share = Share::new(config);
        let mut total = 0_u128;
        let large_enough = proposals
            .iter()
            .take_while(|proposal| {
                let stake = proposal.stake().as_yoctonear();
                total = total.saturating_add(stake);
                share.is_exceeded_by(stake, total)
            })
            .count();
        let all = proposals.get(..large_enough).unwrap_or_default();
        let roles = [
            config.num_block_producer_seats,
            config.num_chunk_producer_seats,
            config.num_chunk_validator_seats,
        ];
        let thresholds = roles.map(|seats| share.threshold(prefix(all, seats), seats));
        let threshold = thresholds.into_iter().min().unwrap_or_default();
        let seats = prefix(all, config.num_validators()).len();
        let rest = proposals.split_off(seats);
        Self { chosen: proposals, rest, threshold }
    }
}

/// The part of all stakes that a validator has to have more than.
struct Share {
    part: u128,
    of: u128,
}

impl Share {
    fn new(config: &EpochConfig) -> Self {
        let ratio = config.minimum_stake_ratio;
        let number = |number: &i32| u128::try_from(*number).unwrap_or_default();
        Self { part: number(ratio.numer()), of: number(ratio.denom()).max(1) }
    }

    fn is_exceeded_by(&self, stake: u128, total: u128) -> bool {
        total > 0 && Ratio::new(stake, total) > Ratio::new(self.part, self.of)
    }

    /// The least stake that gets one of `seats` seats beside the `chosen`.
    fn threshold(&self, chosen: &[ValidatorStake], seats: NumSeats) -> Balance {
        let full = u64::try_from(chosen.len()) == Ok(seats);
        let last = chosen.last().filter(|_| full).map(ValidatorStake::stake);
        let one = Balance::from_yoctonear(1);
        last.map_or_else(|| self.threshold_beside(chosen), |last| last.saturating_add(one))
    }

    /// The stake that has just the share, beside the `chosen`.
    fn threshold_beside(&self, chosen: &[ValidatorStake]) -> Balance {
        let stakes = chosen.iter().map(|stake| stake.stake().as_yoctonear());
        let total = stakes.fold(0, u128::saturating_add);
        let others = self.of.saturating_sub(self.part);
        let whole = total.checked_div(others).unwrap_or(u128::MAX).saturating_mul(self.part);
        let left = total.checked_rem(others).unwrap_or_default().saturating_mul(self.part);
        let rounded = left.saturating_add(others.saturating_sub(1)).checked_div(others);
        Balance::from_yoctonear(whole.saturating_add(rounded.unwrap_or_default()))
    }
}

/// The first of the `chosen`, as many as there are `seats`.
fn prefix(chosen: &[ValidatorStake], seats: NumSeats) -> &[ValidatorStake] {
    usize::try_from(seats).ok().and_then(|seats| chosen.get(..seats)).unwrap_or(chosen)
}

fn stakes(chosen: &[ValidatorStake]) -> Arc<[(AccountId, Balance)]> {
    chosen.iter().map(|validator| (validator.account_id().clone(), validator.stake())).collect()
}

fn by_account(proposals: &[ValidatorStake]) -> BTreeMap<AccountId, ValidatorStake> {
    proposals.iter().map(|proposal| (proposal.account_id().clone(), proposal.clone())).collect()
}
