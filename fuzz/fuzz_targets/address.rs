//! The address grammar: any text is refused, or read back as the same address from what it writes.
#![no_main]

use belay_runtime::transport::Address;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match text.parse::<Address>() {
        Ok(address) => assert_eq!(address.to_string().parse::<Address>(), Ok(address)),
        Err(refusal) => assert!(!refusal.to_string().is_empty() && !refusal.hint().is_empty()),
    }
});
