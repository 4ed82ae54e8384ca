//! An object with every kind of member.

#![deny(warnings)]

use belay::prelude::*;

/// A display.
#[belay::object(crate = belay)]
pub trait Display: Send + Sync + 'static {
    /// Shows a text.
    async fn text(&self, text: &str, x: Option<i32>) -> Result<(), Box<dyn std::error::Error + Send + Sync>>;

    /// Under another name.
    #[call(name = "show", timeout_ms = 30_000)]
    async fn show_all(&self) -> Result<()>;

    /// What it gives one by one.
    fn frames(&self, many: u32) -> impl Stream<Item = Result<Vec<u8>>>;

    #[get]
    async fn width(&self) -> Result<u32>;

    #[set]
    async fn set_width(&self, width: u32) -> Result<()>;

    #[get]
    async fn r#type(&self) -> Result<String>;

    #[cfg(any())]
    async fn never(&self) -> Result<Nothing>;

    /// Made of the others.
    fn name(&self) -> &'static str {
        "display"
    }
}

#[belay::device]
pub trait Panel {
    /// ```python
    /// return [other] * bus
    /// ```
    #[task]
    async fn displays(&self, bus: u8, other: &DisplayObject) -> Result<Vec<DisplayObject>>;
}

async fn _uses(panel: PanelDevice, remote: Remote) -> Result<()> {
    let display = DisplayObject::from(remote);
    let all = panel.displays(1, &display).await?;
    all[0].set_width(all[0].width().await?).await
}

fn main() {}
