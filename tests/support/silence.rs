//! A relay on loopback that falls silent: what comes in is taken, and not passed on, or only later.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// In which direction nothing comes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    ToServer,
    ToClient,
    Both,
}

/// The relay, for as long as the test's process is there.
pub struct Relay {
    port: u16,
    connections: Arc<AtomicU64>,
    /// By direction: to the server, to the client.
    ways: [Way; 2],
}

/// What is said, and what is held from then on.
type Holds = (&'static [u8], Arc<AtomicBool>);

/// What becomes of what comes in.
#[derive(Clone, Default)]
struct Way {
    /// It is not passed on, of connections with a smaller number.
    silent: Arc<AtomicU64>,
    /// It waits, of all connections.
    held: Arc<AtomicBool>,
    /// Once these bytes come, what is then held.
    holds: Arc<Mutex<Option<Holds>>>,
}

impl Relay {
    /// To this port.
    pub fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let relay = Self {
            port: listener.local_addr().unwrap().port(),
            connections: Arc::default(),
            ways: Default::default(),
        };
        let (connections, ways) = (Arc::clone(&relay.connections), relay.ways.clone());
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.unwrap();
                let server = TcpStream::connect(("127.0.0.1", server)).unwrap();
                let no = connections.fetch_add(1, Ordering::SeqCst);
                let back = (server.try_clone().unwrap(), client.try_clone().unwrap());
                let [to_server, to_client] = ways.clone();
                std::thread::spawn(move || to_server.pass(client, server, no));
                std::thread::spawn(move || to_client.pass(back.0, back.1, no));
            }
        });
        relay
    }

    pub const fn port(&self) -> u16 {
        self.port
    }

    /// From now on nothing comes through on the connections that there are; later ones work.
    pub fn fall_silent(&self, silence: Silence) {
        self.cut(silence);
        self.heal();
    }

    /// From now on nothing comes through, on later connections neither.
    pub fn cut(&self, silence: Silence) {
        let [to_server, to_client] = &self.ways;
        if silence != Silence::ToClient {
            to_server.silent.store(u64::MAX, Ordering::SeqCst);
        }
        if silence != Silence::ToServer {
            to_client.silent.store(u64::MAX, Ordering::SeqCst);
        }
    }

    /// From now on later connections work. On those that there are nothing comes through as before: what was lost on them
    /// is lost.
    pub fn heal(&self) {
        let there = self.connections.load(Ordering::SeqCst);
        for way in &self.ways {
            way.silent.fetch_min(there, Ordering::SeqCst);
        }
    }

    /// Whatever the server says waits here once the client has said this.
    pub fn hold_answers_to(&self, said: &'static str) {
        let [to_server, to_client] = &self.ways;
        let held = Arc::clone(&to_client.held);
        *to_server.holds.lock().unwrap() = Some((said.as_bytes(), held));
    }

    /// What the server said comes through, and what it says from now on.
    pub fn pass_answers(&self) {
        self.ways[1].held.store(false, Ordering::SeqCst);
    }
}

impl Way {
    // Until either end closes, and then the other one, too: that a silent host ended is not heard either.
    fn pass(&self, mut from: TcpStream, mut to: TcpStream, no: u64) {
        let mut bytes = [0; 16 * 1024];
        while let Ok(read) = from.read(&mut bytes) {
            while self.held.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(1));
            }
            let is_silent = no < self.silent.load(Ordering::SeqCst);
            if read == 0 {
                if !is_silent {
                    to.shutdown(Shutdown::Both).ok();
                }
                return;
            }
            self.hold_at(&bytes[..read]);
            if !is_silent && to.write_all(&bytes[..read]).is_err() {
                return;
            }
        }
    }

    fn hold_at(&self, said: &[u8]) {
        let mut holds = self.holds.lock().unwrap();
        let is_said = |(what, _): &(&[u8], _)| said.windows(what.len()).any(|part| part == *what);
        if holds.as_ref().is_some_and(is_said)
            && let Some((_, held)) = holds.take()
        {
            held.store(true, Ordering::SeqCst);
        }
    }
}
