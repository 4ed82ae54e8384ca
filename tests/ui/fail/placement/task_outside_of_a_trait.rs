use belay::prelude::*;

#[task(timeout_ms = 5)]
async fn read() -> Result<u16> {
    Ok(1)
}

fn main() {
    let _ = read();
}
