//! Connections.

use std::{io, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

/// A client that has not said what it wants by then is gone.
const PATIENCE: Duration = Duration::from_secs(30);
/// After an accept that failed, as it does where file descriptors have run out.
const PAUSE: Duration = Duration::from_millis(50);

/// Serves until it is dropped; the connections end with it.
pub(crate) async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, router: Router) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, tls.clone(), router.clone()));
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// What goes wrong on one connection is its client's affair.
async fn connection(stream: TcpStream, tls: Option<TlsAcceptor>, router: Router) {
    // Answers are small: nothing is gained by waiting for more.
    let _ = stream.set_nodelay(true);
    let _ = match tls {
        None => http(stream, router).await,
        Some(acceptor) => {
            let accepted = tokio::time::timeout(PATIENCE, acceptor.accept(stream)).await;
            match accepted {
                Ok(Ok(stream)) => http(stream, router).await,
                Ok(Err(error)) => Err(error),
                Err(_) => Ok(()),
            }
        }
    };
}

async fn http(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
) -> io::Result<()> {
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .await
        .map_err(io::Error::other)
}
