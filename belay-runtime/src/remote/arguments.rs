//! The arguments of methods of objects on the board.

use serde::ser::Serialize;

use crate::python::Arguments;

/// The arguments of a method of an object on the board: a tuple of values that can be sent to boards.
pub trait RemoteArguments {
    /// The arguments.
    fn arguments(self) -> Arguments;
}

impl RemoteArguments for () {
    fn arguments(self) -> Arguments {
        Arguments::new()
    }
}

macro_rules! arguments {
    ($($type:ident $place:tt,)*) => {
        impl<$($type: Serialize),*> RemoteArguments for ($($type,)*) {
            fn arguments(self) -> Arguments {
                Arguments::new()$(.with(concat!("argument ", $place), &self.$place))*
            }
        }
    };
}

arguments! { A 0, }
arguments! { A 0, B 1, }
arguments! { A 0, B 1, C 2, }
arguments! { A 0, B 1, C 2, D 3, }
arguments! { A 0, B 1, C 2, D 3, E 4, }
arguments! { A 0, B 1, C 2, D 3, E 4, F 5, }
arguments! { A 0, B 1, C 2, D 3, E 4, F 5, G 6, }
arguments! { A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, }
