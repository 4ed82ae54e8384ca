//! The address grammar: any text is either refused, or parsed to an address that is parsed again from its own text.
#![no_main]

use belay_runtime::transport::Address;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match text.parse::<Address>() {
        Ok(address) => assert_eq!(address.to_string().parse::<Address>(), Ok(address)),
        Err(refusal) => assert!(!refusal.to_string().is_empty() && !refusal.hint().is_empty()),
    }
});
