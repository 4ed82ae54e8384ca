use belay::prelude::*;

#[belay::object]
trait Motor {
    /// ```python
    /// return 1
    /// ```
    async fn with_body(&self) -> Result<u8>;

    #[get]
    async fn read(&self, what: u8) -> Result<u8>;

    #[set]
    async fn written(&self) -> Result<()>;

    #[call]
    #[get]
    async fn both(&self) -> Result<u8>;

    #[call(name = "a.b")]
    async fn dotted(&self) -> Result<u8>;

    #[call(cache = false)]
    async fn cached(&self) -> Result<u8>;

    fn at_once(&self) -> Result<u8>;

    async fn nothing(&self);

    async fn borrowed(&mut self) -> Result<u8>;

    type Kind;
}

#[belay::object]
struct NoTrait;

fn main() {}
