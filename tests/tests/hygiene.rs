//! Generated code compiles wherever a user puts it, and its descriptors have what the user wrote.

#[path = "hygiene/board.rs"]
mod board;
#[path = "hygiene/double.rs"]
mod double;
#[path = "hygiene/no_prelude.rs"]
mod no_prelude;
#[path = "hygiene/shadowed.rs"]
mod shadowed;
#[path = "hygiene/shapes.rs"]
mod shapes;
#[path = "hygiene/specs.rs"]
mod specs;
