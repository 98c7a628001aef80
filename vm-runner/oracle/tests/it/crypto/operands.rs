//! Every kind of element in every function, alone and in lists.

use super::both::{Both, Call};
use super::pool::ELEMENTS;

#[test]
fn elements_are_what_they_are_said_to_be() {
    let both = Both::new();
    for (name, elements) in &*ELEMENTS {
        for element in &elements.good {
            let outcome = both.agree(&Call::of_value(name, element.clone()));
            let refused = outcome.result.clone().is_ok_and(|result| result == 1);
            let pairing = *name == "alt_bn128_pairing_check";
            assert!(outcome.result.is_ok() && (pairing || !refused), "{name}: {element:02x?}");
        }
        for element in &elements.bad {
            let outcome = both.agree(&Call::of_value(name, element.clone()));
            assert!(outcome.result.is_err() || outcome.result == Ok(1), "{name}: {element:02x?}");
            assert_eq!(outcome.output, None, "{name}: {element:02x?}");
        }
    }
}
