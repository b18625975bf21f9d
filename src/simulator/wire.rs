//! A loopback listener whose connections can be cut off in the middle.
//!
//! A lost reply must look lost: no status line, no bytes, a closed connection. A handler cuts its
//! [`Cord`], and the next write on that connection fails.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use axum::{
    Router,
    body::Bytes,
    extract::{
        ConnectInfo, FromRequest, Request, connect_info::Connected, rejection::BytesRejection,
    },
    http::{HeaderMap, Method, Uri},
    serve::IncomingStream,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
};

/// Serves until the task is aborted.
pub(crate) async fn serve(listener: Listener, router: Router) {
    let service = router.into_make_service_with_connect_info::<Cord>();
    if let Err(error) = axum::serve(listener, service).await {
        tracing::error!(%error, "a simulated service ended");
    }
}

/// A whole request, and the cord of its connection.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) cord: Cord,
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Arrived {
    /// The path with its query.
    pub(crate) fn path(&self) -> String {
        self.uri.path_and_query().map_or_else(|| self.uri.path().to_owned(), ToString::to_string)
    }
}

impl<S: Send + Sync> FromRequest<S> for Arrived {
    type Rejection = BytesRejection;

    async fn from_request(request: Request, state: &S) -> Result<Self, BytesRejection> {
        let found = request.extensions().get::<ConnectInfo<Cord>>();
        let cord = found.map(|ConnectInfo(cord)| cord.clone()).unwrap_or_default();
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let headers = request.headers().clone();
        let body = Bytes::from_request(request, state).await?;
        Ok(Self { cord, method, uri, headers, body })
    }
}

/// Cuts one connection off; or, taken from a listener, all of its connections.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cord {
    cut: Arc<AtomicBool>,
    door: usize,
}

impl Cord {
    pub(crate) fn cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
    }

    /// Through which of the simulator's doors it comes.
    pub(crate) fn door(&self) -> usize {
        self.door
    }

    fn at(door: usize) -> Self {
        Self { door, ..Self::default() }
    }

    fn is_cut(&self) -> bool {
        self.cut.load(Ordering::SeqCst)
    }
}

impl Connected<IncomingStream<'_, Listener>> for Cord {
    fn connect_info(stream: IncomingStream<'_, Listener>) -> Self {
        stream.io().cord.clone()
    }
}

#[derive(Debug)]
pub(crate) struct Listener {
    inner: TcpListener,
    address: SocketAddr,
    all: Cord,
}

impl Listener {
    pub(crate) async fn bind(door: usize) -> io::Result<Self> {
        let inner = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = inner.local_addr()?;
        Ok(Self { inner, address, all: Cord::at(door) })
    }

    /// What cuts off every connection at once.
    pub(crate) fn cord(&self) -> Cord {
        self.all.clone()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl axum::serve::Listener for Listener {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Wire, SocketAddr) {
        let (stream, address) = axum::serve::Listener::accept(&mut self.inner).await;
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection without nodelay");
        }
        let cord = Cord::at(self.all.door);
        (Wire { stream, cord, all: self.all.clone() }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// A connection with its cord.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: TcpStream,
    cord: Cord,
    all: Cord,
}

impl Wire {
    fn whole(&self) -> io::Result<()> {
        if self.cord.is_cut() || self.all.is_cut() {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.whole()?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.whole()?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.whole()?;
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
