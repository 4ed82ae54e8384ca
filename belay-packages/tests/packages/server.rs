//! A small web server on the loopback.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use sha2::{Digest as _, Sha256};

/// What it serves.
type Pages = Arc<Mutex<HashMap<String, Vec<u8>>>>;

/// The server. It ends with the test's process.
pub(crate) struct Server {
    address: SocketAddr,
    pages: Pages,
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    let mut digits = String::new();
    for byte in Sha256::digest(bytes) {
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

/// A hash as the index has it.
pub(crate) fn short(bytes: &[u8]) -> String {
    sha256(bytes)[..8].to_owned()
}

impl Server {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let pages = Pages::default();
        let served = Arc::clone(&pages);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // Who asks may have gone away.
                let _ = answer(stream, &served);
            }
        });
        Self { address, pages }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn put(&self, path: &str, body: &str) {
        let mut pages = self.pages.lock().unwrap();
        pages.insert(path.to_owned(), body.as_bytes().to_owned());
    }

    /// Puts a package into the index, as its latest version.
    pub(crate) fn package(&self, name: &str, version: &str, files: &[(&str, &str)], deps: &[(&str, &str)]) {
        let mut hashes = Vec::new();
        for (path, body) in files {
            let hash = short(body.as_bytes());
            self.put(&format!("/file/{}/{hash}", &hash[..2]), body);
            hashes.push((path, hash));
        }
        let description =
            serde_json::json!({"v": 1, "version": version, "hashes": hashes, "deps": deps}).to_string();
        for at in ["latest", version] {
            self.put(&format!("/package/py/{name}/{at}.json"), &description);
        }
    }
}

fn answer(stream: TcpStream, pages: &Pages) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    let path = first.split(' ').nth(1).unwrap_or_default();
    let page = pages.lock().unwrap().get(path).cloned();
    let (status, body) = page.map_or(("404 Not Found", Vec::new()), |body| ("200 OK", body));
    let mut stream = reader.into_inner();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )?;
    stream.write_all(&body)
}
