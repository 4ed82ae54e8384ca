//! A page in the browser that shows a sensor of the board and switches its LED. Ctrl-C ends the program.
//!
//! The server is written by hand, so that it needs no dependency; a program of yours would use axum or the like. Each
//! request calls a method, and several browsers are served at once: a device can be used from many tasks.

use std::time::Duration;

use belay::prelude::*;
use belay_examples::ExampleBoard;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const PAGE: &str = include_str!("web_page.html");

/// How long a browser may take to send its request, and how many bytes that may have.
const PATIENCE: Duration = Duration::from_secs(5);
const LONGEST: usize = 8 << 10;

/// What the page shows and controls.
#[belay::device]
pub trait Board {
    /// ```python
    /// from machine import ADC, Pin
    /// sensor, led = ADC(4), Pin(25, Pin.OUT)
    /// ```
    #[setup]
    async fn open(&self) -> Result<()>;

    /// ```python
    /// return 27 - (sensor.read_u16() * 3.3 / 65535 - 0.706) / 0.001721
    /// ```
    #[task]
    async fn celsius(&self) -> Result<f64>;

    /// ```python
    /// led.value(on)
    /// return bool(led.value())
    /// ```
    #[task]
    async fn light(&self, on: bool) -> Result<bool>;

    /// ```python
    /// led.off()
    /// ```
    #[teardown(ignore_errors)]
    async fn dark(&self) -> Result<()>;
}

/// The first line of a request, such as `GET /celsius HTTP/1.1`.
async fn request(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    while !bytes.windows(4).any(|end| end == b"\r\n\r\n") && bytes.len() < LONGEST {
        if stream.read_buf(&mut bytes).await? == 0 {
            break;
        }
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// The response: the status, the content type, and the text.
async fn answer(board: &impl Board, request: &str) -> (&'static str, &'static str, String) {
    let mut words = request.split(' ');
    let wanted = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let outcome = match wanted {
        ("GET", "/") => return ("200 OK", "text/html; charset=utf-8", PAGE.to_owned()),
        ("GET", "/celsius") => board.celsius().await.map(|celsius| celsius.to_string()),
        ("POST", "/led/on") => board.light(true).await.map(|on| on.to_string()),
        ("POST", "/led/off") => board.light(false).await.map(|on| on.to_string()),
        _ => return ("404 Not Found", "text/plain", "there is nothing here".to_owned()),
    };
    match outcome {
        Ok(json) => ("200 OK", "application/json", json),
        Err(error) => ("502 Bad Gateway", "text/plain; charset=utf-8", error.to_string()),
    }
}

async fn serve(board: BoardDevice, mut stream: TcpStream) -> std::io::Result<()> {
    let Ok(request) = tokio::time::timeout(PATIENCE, request(&mut stream)).await else {
        return Ok(());
    };
    let (status, kind, text) = answer(&board, &request?).await;
    let length = text.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(text.as_bytes()).await?;
    stream.shutdown().await
}

#[tokio::main]
async fn main() -> belay_examples::Result {
    let board = ExampleBoard::from_command_line().await?;
    let device = BoardDevice::connect(board.port()).await?;
    // Only this computer can connect, at a free port.
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("the board is at http://{}/", listener.local_addr()?);
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted?;
                let device = device.clone();
                tokio::spawn(async move {
                    if let Err(error) = serve(device, stream).await {
                        eprintln!("a browser: {error}");
                    }
                });
            }
            ended = tokio::signal::ctrl_c() => {
                ended?;
                break;
            }
        }
    }
    device.close().await?;
    Ok(())
}
