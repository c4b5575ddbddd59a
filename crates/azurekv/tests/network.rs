//! By the real names: what `Network` says is taken for the vault and for the login, and the key's own URL tells the cloud.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]
#![allow(dead_code, reason = "the other tests use more of it")]

mod support;

use std::{
    io::{BufRead, BufReader, Write, copy},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, atomic::Ordering::SeqCst},
    thread,
};

use keybearer_core::{Algorithm, ErrorKind, KeyUri};
use keybearer_fakes::{Kind, azure::Azure, nobody};
use support::{CLIENT, SECRET, World, is, registry};

/// A proxy that leads everywhere to one place.
struct Proxy {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    fn to(place: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let told = asked.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let told = told.clone();
                thread::spawn(move || tunnel(client, place, &told));
            }
        });
        Self { url, asked }
    }

    /// Each host once.
    fn hosts(&self) -> Vec<String> {
        let mut hosts = self.asked.lock().unwrap().clone();
        hosts.sort();
        hosts.dedup();
        hosts
    }
}

fn tunnel(client: TcpStream, place: SocketAddr, told: &Mutex<Vec<String>>) -> Option<()> {
    let mut from = BufReader::new(client.try_clone().ok()?);
    let mut line = String::new();
    from.read_line(&mut line).ok()?;
    told.lock().unwrap().push(line.split(' ').nth(1)?.into());
    while line.trim() != "" {
        line.clear();
        from.read_line(&mut line).ok()?;
    }
    let mut client = client;
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").ok()?;
    let mut server = TcpStream::connect(place).ok()?;
    let mut back = server.try_clone().ok()?;
    thread::spawn(move || {
        let _ = copy(&mut back, &mut client);
        let _ = client.shutdown(Shutdown::Both);
    });
    let _ = copy(&mut from, &mut server);
    let _ = server.shutdown(Shutdown::Write);
    Some(())
}

const CLOUDS: [(&str, &str); 4] = [
    ("jobs.vault.azure.net", "login.microsoftonline.com"),
    ("jobs.managedhsm.azure.net", "login.microsoftonline.com"),
    ("jobs.vault.azure.cn", "login.chinacloudapi.cn"),
    (
        "jobs.managedhsm.usgovcloudapi.net",
        "login.microsoftonline.us",
    ),
];

#[tokio::test]
async fn each_cloud_is_reached_by_its_own_names() {
    for (host, login) in CLOUDS {
        let world = World::named(Azure::at(host), &[host, login]);
        let kid = world.fake().make("job", Kind::P256);
        let proxy = Proxy::to(world.server.address());
        let env = world.env().var("AZURE_AUTHORITY_HOST", "");
        let mut cx = world.context(&env);
        cx.network.proxy = Some(proxy.url.as_str().into());
        let uri = KeyUri::literal("azurekv", &kid);
        let signer = registry().open(&uri, &cx).await.unwrap();
        signer.sign(Algorithm::Es256, b"x").await.unwrap();
        assert_eq!(signer.id().uri().locator(), kid);
        let mut expected = [format!("{host}:443"), format!("{login}:443")];
        expected.sort();
        assert_eq!(proxy.hosts(), expected);
    }
}

/// A CA that is not given is not trusted, and no token goes there.
#[tokio::test]
async fn a_certificate_of_nobody_is_refused() {
    let world = World::new(Azure::vault());
    let kid = world.fake().make("job", Kind::P256);
    let cx = world.env().context();
    let error = registry().open(&world.uri(&kid), &cx).await.unwrap_err();
    is(&error, ErrorKind::Backend, "--ca-certificate");
    assert_eq!(world.fake().requests.load(SeqCst), 0);
}

/// Microsoft says that its metadata service is reached by no proxy.
#[tokio::test]
async fn a_machines_identity_is_asked_past_the_proxy() {
    let world = World::new(Azure::vault());
    let kid = world.fake().make("job", Kind::P256);
    world.fake().identities(&[CLIENT]);
    let proxy = Proxy::to(world.server.address());
    let mut cx = world.context(&world.login_env());
    cx.network.proxy = Some(proxy.url.as_str().into());
    let uri = world.uri(&kid);
    registry().open(&uri, &cx).await.unwrap();
    assert_eq!(world.fake().tokens_made.load(SeqCst), 1);
    // The vault alone: the identity's endpoint has the same address here.
    assert_eq!(proxy.asked.lock().unwrap().len(), 1);
    cx.network.proxy = Some(nobody().into());
    let error = registry().open(&uri, &cx).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert!(!format!("{error:?}").contains(SECRET));
}
