//! A relay on loopback that falls silent: what comes in is taken, and not passed on.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

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
    /// Of connections with a smaller number, by direction.
    silent: [Arc<AtomicU64>; 2],
}

impl Relay {
    /// To this port.
    pub fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let relay = Self {
            port: listener.local_addr().unwrap().port(),
            connections: Arc::default(),
            silent: Default::default(),
        };
        let (connections, silent) = (Arc::clone(&relay.connections), relay.silent.clone());
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.unwrap();
                let server = TcpStream::connect(("127.0.0.1", server)).unwrap();
                let no = connections.fetch_add(1, Ordering::SeqCst);
                let back = (server.try_clone().unwrap(), client.try_clone().unwrap());
                let [to_server, to_client] = silent.clone();
                std::thread::spawn(move || pass(client, server, no, &to_server));
                std::thread::spawn(move || pass(back.0, back.1, no, &to_client));
            }
        });
        relay
    }

    pub const fn port(&self) -> u16 {
        self.port
    }

    /// From now on nothing comes through on the connections that there are; later ones work.
    pub fn fall_silent(&self, silence: Silence) {
        let there = self.connections.load(Ordering::SeqCst);
        for (index, other) in [Silence::ToClient, Silence::ToServer]
            .into_iter()
            .enumerate()
        {
            if silence != other {
                self.silent[index].store(there, Ordering::SeqCst);
            }
        }
    }
}

// Until either end closes, and then the other one, too: that a silent host ended is not heard either.
fn pass(mut from: TcpStream, mut to: TcpStream, no: u64, silent: &AtomicU64) {
    let mut bytes = [0; 16 * 1024];
    while let Ok(read) = from.read(&mut bytes) {
        let is_silent = no < silent.load(Ordering::SeqCst);
        if read == 0 {
            if !is_silent {
                to.shutdown(Shutdown::Both).ok();
            }
            return;
        }
        if !is_silent && to.write_all(&bytes[..read]).is_err() {
            return;
        }
    }
}
