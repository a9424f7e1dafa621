//! A server that records requests as bytes and answers with bytes, one request per connection.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What to do once a request has been read.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Send these bytes and close in good order.
    Send(Vec<u8>),
    /// Send these bytes and reset the connection.
    Reset(Vec<u8>),
    /// Send these bytes and nothing more until the client leaves.
    Hang(Vec<u8>),
}

impl Reply {
    /// A JSON answer with the headers Okta sends.
    pub fn json(status: u16, body: &str) -> Self {
        Self::with(
            status,
            "content-type: application/json\r\n",
            body.as_bytes(),
        )
    }

    /// An answer with these header lines, each ended by CRLF.
    pub fn with(status: u16, headers: &str, body: &[u8]) -> Self {
        let length = body.len();
        let mut bytes = format!(
            "HTTP/1.1 {status} Status\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n"
        )
        .into_bytes();
        bytes.extend_from_slice(body);
        Self::Send(bytes)
    }
}

/// Serves `replies` in order, then nothing.
pub struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub async fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let replies: Vec<Reply> = replies.into_iter().collect();
        let seen = Arc::clone(&requests);
        tokio::spawn(async move {
            for reply in replies {
                let (stream, _) = listener.accept().await.expect("a connection");
                serve(stream, reply, &seen).await;
            }
        });
        Self { address, requests }
    }

    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The requests so far, as they came over the wire.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("a lock").clone()
    }
}

async fn serve(mut stream: TcpStream, reply: Reply, seen: &Mutex<Vec<String>>) {
    let request = read_request(&mut stream).await;
    seen.lock().expect("a lock").push(request);
    match reply {
        Reply::Send(bytes) => {
            // The client may have left already, which is what some tests are about.
            drop(stream.write_all(&bytes).await);
            drop(stream.shutdown().await);
        }
        Reply::Reset(bytes) => {
            drop(stream.write_all(&bytes).await);
            stream.set_zero_linger().expect("a socket option");
        }
        Reply::Hang(bytes) => {
            drop(stream.write_all(&bytes).await);
            drop(stream.read_to_end(&mut Vec::new()).await);
        }
    }
}

/// Head and body of one HTTP/1.1 request; what came, if it ends early.
pub async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    while !is_complete(&bytes) {
        match stream.read(&mut chunk).await {
            Ok(count) if count > 0 => bytes.extend_from_slice(&chunk[..count]),
            _ => break,
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn is_complete(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |length| length.parse().expect("a length"));
    body.len() >= length
}
