// SPDX-License-Identifier: LGPL-2.1-only OR MIT

//! An echo server on one instance of repoll, and clients that check every answer.
//!
//! Exits 0, and prints what was served, only if all of it was right.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use repoll::{Event, EventFlags, Repoll};

const CLIENTS: usize = 4;
const CONNECTIONS: usize = 16; // of each client
const ROUNDS: usize = 50;
const SIZE: usize = 1024;

const LISTENER: u64 = 0;
const STOP: u64 = 1;
const FIRST_CONNECTION: u64 = 2;

/// A connection, and what was read from it and not yet written back.
struct Connection {
    stream: TcpStream,
    unsent: Vec<u8>,
}

impl Connection {
    /// Moves what can be moved without blocking. False at the end of the stream.
    fn echo(&mut self, echoed: &mut usize) -> io::Result<bool> {
        let mut chunk = [0; SIZE];
        loop {
            if !self.unsent.is_empty() {
                match self.stream.write(&self.unsent) {
                    Ok(n) => {
                        self.unsent.drain(..n);
                        *echoed += n;
                        continue;
                    }
                    Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(true),
                    Err(e) => return Err(e),
                }
            }
            match self.stream.read(&mut chunk) {
                Ok(0) => return Ok(false),
                Ok(n) => self.unsent.extend_from_slice(&chunk[..n]),
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(true),
                Err(e) => return Err(e),
            }
        }
    }

    /// What to wait for next.
    fn interest(&self, data: u64) -> Event {
        if self.unsent.is_empty() {
            Event::new(EventFlags::IN, data)
        } else {
            Event::new(EventFlags::OUT, data)
        }
    }
}

#[derive(Default)]
struct Served {
    connections: usize,
    bytes: usize,
    waits: usize,
    events: usize,
}

/// Serves until `stop` becomes readable.
fn serve(listener: &TcpListener, stop: &UnixStream) -> io::Result<Served> {
    let repoll = Repoll::new()?;
    let mut connections = HashMap::new();
    let mut served = Served::default();
    let mut events = [Event::default(); 32];

    listener.set_nonblocking(true)?;
    repoll.add(listener, Event::new(EventFlags::IN, LISTENER))?;
    repoll.add(stop, Event::new(EventFlags::IN, STOP))?;

    let deadline = Instant::now() + Duration::from_secs(60);
    while Instant::now() < deadline {
        let ready = repoll.wait(&mut events, Some(Duration::from_secs(1)))?;
        served.waits += 1;
        served.events += ready.len();

        for event in ready {
            match event.data() {
                STOP => return Ok(served),
                LISTENER => {
                    let (stream, _) = listener.accept()?;
                    stream.set_nonblocking(true)?;
                    let unsent = Vec::new();
                    let data = FIRST_CONNECTION + served.connections as u64;
                    let connection = Connection { stream, unsent };
                    repoll.add(&connection.stream, connection.interest(data))?;
                    connections.insert(data, connection);
                    served.connections += 1;
                }
                data => {
                    let connection = connections.get_mut(&data).expect("event of no connection");
                    if connection.echo(&mut served.bytes)? {
                        repoll.modify(&connection.stream, connection.interest(data))?;
                    } else {
                        repoll.delete(&connection.stream)?;
                        connections.remove(&data);
                    }
                }
            }
        }
    }
    Err(io::Error::new(
        ErrorKind::TimedOut,
        "clients did not finish",
    ))
}

/// Sends on all connections, then checks what comes back on each.
fn drive(address: SocketAddr, client: usize) -> io::Result<()> {
    let mut streams = (0..CONNECTIONS)
        .map(|_| TcpStream::connect(address))
        .collect::<io::Result<Vec<_>>>()?;
    let payload = |i: usize, round: usize| -> Vec<u8> {
        (0..SIZE)
            .map(|j| (client * 31 + i * 17 + round * 7 + j) as u8)
            .collect()
    };

    let mut answer = [0; SIZE];
    for round in 0..ROUNDS {
        for (i, stream) in streams.iter_mut().enumerate() {
            stream.write_all(&payload(i, round))?;
        }
        for (i, stream) in streams.iter_mut().enumerate() {
            stream.read_exact(&mut answer)?;
            if answer[..] != payload(i, round) {
                return Err(io::Error::new(ErrorKind::InvalidData, "wrong answer"));
            }
        }
    }
    Ok(())
}

/// Runs all clients, then tells the server through `stop`.
fn run_clients(address: SocketAddr, mut stop: UnixStream) -> io::Result<()> {
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| thread::spawn(move || drive(address, client)))
        .collect();
    let results: Vec<_> = clients.into_iter().map(|c| c.join().unwrap()).collect();
    stop.write_all(b".")?;
    results.into_iter().collect()
}

fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let (stop, stopper) = UnixStream::pair()?;
    let start = Instant::now();

    let clients = thread::spawn(move || run_clients(address, stopper));
    let served = serve(&listener, &stop)?;
    clients.join().unwrap()?;

    assert_eq!(served.connections, CLIENTS * CONNECTIONS);
    assert_eq!(served.bytes, CLIENTS * CONNECTIONS * ROUNDS * SIZE);
    println!("tcp_connections {}", served.connections);
    println!("bytes_echoed {}", served.bytes);
    println!("waits {}", served.waits);
    println!("events {}", served.events);
    println!("wall_ms {}", start.elapsed().as_millis());
    Ok(())
}
