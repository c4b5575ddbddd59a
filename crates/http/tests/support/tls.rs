//! A TLS server on loopback, with a certificate of `tests/data`.
#![allow(unreachable_pub, reason = "a part of tests")]

use std::{fs, net::SocketAddr, sync::Arc};

use keybearer_core::Certificate;
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio::{io::AsyncWriteExt, net::TcpListener};
use tokio_rustls::TlsAcceptor;

use crate::support::{data, read_request};

/// Shows the certificate of this name, and answers each request with an empty object.
pub async fn serve(name: &str) -> SocketAddr {
    let acceptor = acceptor(name);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // A client that does not trust us goes at once.
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    return;
                };
                read_request(&mut stream).await;
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
                let _ = stream.write_all(answer).await;
                let _ = stream.shutdown().await;
            });
        }
    });
    address
}

pub fn acceptor(name: &str) -> TlsAcceptor {
    let chain = fs::read(data(&format!("{name}.pem"))).unwrap();
    let chain = Certificate::from_file(&chain).unwrap();
    let chain = chain
        .iter()
        .map(|certificate| CertificateDer::from(certificate.as_der().to_vec()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain.collect(), key(name))
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

fn key(name: &str) -> PrivateKeyDer<'static> {
    let text = fs::read_to_string(data(&format!("{name}.key"))).unwrap();
    let block = pem::parse(text).unwrap();
    PrivatePkcs8KeyDer::from(block.into_contents()).into()
}
