//! A module in which every name that generated code could use has another meaning.

#![allow(
    dead_code,
    non_camel_case_types,
    unreachable_pub,
    clippy::upper_case_acronyms,
    reason = "the names are there to be in the way"
)]

macro_rules! in_the_way {
    ($($name:ident)*) => { $(pub struct $name;)* };
}

in_the_way! {
    Result Ok Err Option Some None String Vec Box Send Sync Future Stream Self_ Clone Debug AsRef Into From
    Device Attach Attached Arguments Body MethodSpec DeviceSpec MethodKind u32 str bool DEVICE READ WRITE
}

mod core {}
mod std {}
mod alloc {}
mod belay {}
mod __private {}
mod p {
    #[derive(::serde::Serialize, ::serde::Deserialize)]
    pub struct Reading(pub u8);
}

/// A constant with the same name as a method (apart from case).
const BLOCK: usize = 4;

#[::belay::device]
pub trait Shadowed {
    /// ```python
    /// print(block, reading)
    /// return reading
    /// ```
    #[task]
    async fn block(&self, block: [u8; BLOCK], reading: p::Reading) -> ::belay::Result<p::Reading>;

    /// ```python
    /// for i in range(9):
    ///     yield i
    /// ```
    #[task]
    fn read(&self) -> impl ::belay::Stream<Item = ::belay::Result<u8>>;

    /// ```python
    /// pass
    /// ```
    #[thread]
    async fn write(&self) -> ::belay::Result<::belay::ThreadHandle>;
}
