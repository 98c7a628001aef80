//! How high NEAR takes a function's operand stack to be.
//!
//! It is what any validator would say, with one exception that is part of the protocol: the index
//! that `call_indirect` takes is not taken off. Until the block ends, one value too many is counted
//! and the sizes of what is below the top belong to other values; which is why it matters here how
//! an instruction takes and gives, beside what.

use wasmparser_236::{
    BlockType, ContType, FrameKind, FuncType, FuncValidator, ModuleArity, Operator, RefType,
    SubType, ValType, ValidatorResources, for_each_visit_operator,
};

/// The types that instructions name.
#[derive(Debug, Default)]
pub(crate) struct Types {
    /// The types of functions by their index among all types.
    pub(crate) signatures: Vec<FuncType>,
    /// The index of each function's type, imported ones first.
    pub(crate) functions: Vec<u32>,
}

macro_rules! operator_names {
    ($( @$proposal:ident $op:ident $({ $($arg:ident: $type:ty),* })? => $visit:ident ($($arity:tt)*) )*) => {
        &[ $( (stringify!($proposal), stringify!($op)) ),* ]
    };
}

/// All operators with the proposal that they come from.
const OPERATORS: &[(&str, &str)] = for_each_visit_operator!(operator_names);

/// Names of all operators that a contract can use and that cost something.
pub fn priced_operators() -> impl Iterator<Item = &'static str> {
    let accepted =
        ["mvp", "sign_extension", "saturating_float_to_int", "bulk_memory", "reference_types"];
    // Three that are free, and one that no accepted proposal allows.
    let others = ["Block", "Else", "End", "TypedSelectMulti"];
    let all = OPERATORS.iter().filter(move |(proposal, _)| accepted.contains(proposal));
    all.map(|(_, name)| *name).filter(move |name| !others.contains(name))
}

/// The operands of a function as far as it was read.
#[derive(Debug, Default)]
pub(crate) struct Operands {
    /// Bytes of each.
    sizes: Vec<u64>,
    blocks: Vec<Block>,
    /// Whether what follows in the current block cannot be reached.
    dead: bool,
    highest: u64,
}

#[derive(Debug)]
struct Block {
    /// Operands that are below it.
    height: usize,
    ty: BlockType,
    /// Whether the block itself cannot be reached.
    dead: bool,
}

/// Bytes of a value on the metered stack.
pub(crate) fn size(ty: ValType) -> u64 {
    match ty {
        ValType::I32 | ValType::F32 => 4,
        ValType::I64 | ValType::F64 | ValType::Ref(_) => 8,
        ValType::V128 => 16,
    }
}

impl Operands {
    /// The most bytes that there were at once.
    pub(crate) fn highest(&self) -> u64 {
        self.highest
    }

    /// Goes past `operator`, behind which `after` stands.
    pub(crate) fn pass(
        &mut self,
        operator: &Operator<'_>,
        types: &Types,
        after: &FuncValidator<ValidatorResources>,
    ) -> anyhow::Result<()> {
        match operator {
            Operator::Block { blockty } | Operator::Loop { blockty } => {
                self.begin(*blockty, types.block(*blockty).0.len());
            }
            Operator::If { blockty } => {
                self.take(1);
                self.begin(*blockty, types.block(*blockty).0.len());
            }
            Operator::Else => {
                if let Some(ty) = self.end() {
                    self.begin(ty, 0);
                    self.give(&types.block(ty).0);
                }
            }
            Operator::End => {
                if let Some(ty) = self.end() {
                    self.give(&types.block(ty).1);
                }
            }
            Operator::Br { .. }
            | Operator::BrTable { .. }
            | Operator::Return
            | Operator::Unreachable => self.dead = true,
            Operator::BrIf { .. } => self.take(1),
            Operator::Call { function_index } => {
                let ty = types.functions.get(usize::try_from(*function_index)?);
                self.call(types.signature(*ty.unwrap_or(&u32::MAX)));
            }
            // The index stays.
            Operator::CallIndirect { type_index, .. } => self.call(types.signature(*type_index)),
            Operator::TypedSelect { .. } => self.take(2),
            other => self.plain(other, after)?,
        }
        Ok(())
    }

    /// An instruction that neither branches nor calls.
    fn plain(
        &mut self,
        operator: &Operator<'_>,
        after: &FuncValidator<ValidatorResources>,
    ) -> anyhow::Result<()> {
        let Some((takes, gives)) = operator.operator_arity(&Fixed) else {
            anyhow::bail!("unknown to the reference: {operator:?}");
        };
        let name = format!("{operator:?}");
        let name = name.split(' ').next().unwrap_or_default();
        let count = usize::try_from(takes)?;
        if let Some(kept) = kept(name) {
            self.take(count.saturating_sub(kept));
        } else {
            self.take(count);
            let depths = (0..usize::try_from(gives)?).rev();
            let types = depths.filter_map(|depth| after.get_operand_type(depth).flatten());
            self.give(&types.collect::<Vec<_>>());
        }
        Ok(())
    }

    fn call(&mut self, signature: Option<&FuncType>) {
        if let Some(signature) = signature {
            self.take(signature.params().len());
            self.give(signature.results());
        }
    }

    fn take(&mut self, count: usize) {
        if !self.dead {
            self.sizes.truncate(self.sizes.len().saturating_sub(count));
        }
    }

    fn give(&mut self, types: &[ValType]) {
        if !self.dead {
            self.sizes.extend(types.iter().copied().map(size));
            self.highest = self.highest.max(self.sizes.iter().sum());
        }
    }

    fn begin(&mut self, ty: BlockType, params: usize) {
        let params = if self.dead { 0 } else { params };
        let height = self.sizes.len().saturating_sub(params);
        self.blocks.push(Block { height, ty, dead: self.dead });
    }

    /// The type of the block that ends, unless it is the function's own.
    fn end(&mut self) -> Option<BlockType> {
        let block = self.blocks.pop()?;
        self.sizes.truncate(block.height);
        self.dead = block.dead;
        Some(block.ty)
    }
}

impl Types {
    fn signature(&self, index: u32) -> Option<&FuncType> {
        self.signatures.get(usize::try_from(index).ok()?)
    }

    /// What a block takes and gives.
    fn block(&self, ty: BlockType) -> (Vec<ValType>, Vec<ValType>) {
        match ty {
            BlockType::Empty => (Vec::new(), Vec::new()),
            BlockType::Type(result) => (Vec::new(), vec![result]),
            BlockType::FuncType(index) => self
                .signature(index)
                .map(|signature| (signature.params().to_vec(), signature.results().to_vec()))
                .unwrap_or_default(),
        }
    }
}

/// Of the operands of an instruction that works on the value below, how many stay where they are
/// and become the result; `None` for those that take all and give new ones.
fn kept(name: &str) -> Option<usize> {
    let alike = ["I32", "I64", "F32", "F64"].iter().find_map(|ty| name.strip_prefix(ty));
    match alike.unwrap_or(name) {
        "Clz" | "Ctz" | "Popcnt" | "Abs" | "Neg" | "Sqrt" | "Ceil" | "Floor" | "Trunc"
        | "Nearest" | "Add" | "Sub" | "Mul" | "Div" | "DivS" | "DivU" | "RemS" | "RemU" | "And"
        | "Or" | "Xor" | "Shl" | "ShrS" | "ShrU" | "Rotl" | "Rotr" | "Min" | "Max" | "Copysign"
        | "Select" | "LocalTee" | "MemoryGrow" => Some(1),
        _ => None,
    }
}

/// No module: only instructions that always take and give as much are asked about.
struct Fixed;

impl ModuleArity for Fixed {
    fn sub_type_at(&self, _: u32) -> Option<&SubType> {
        None
    }

    fn tag_type_arity(&self, _: u32) -> Option<(u32, u32)> {
        None
    }

    fn type_index_of_function(&self, _: u32) -> Option<u32> {
        None
    }

    fn func_type_of_cont_type(&self, _: &ContType) -> Option<&FuncType> {
        None
    }

    fn sub_type_of_ref_type(&self, _: &RefType) -> Option<&SubType> {
        None
    }

    fn control_stack_height(&self) -> u32 {
        0
    }

    fn label_block(&self, _: u32) -> Option<(BlockType, FrameKind)> {
        None
    }
}
