//! Who asks, and how often they may. The webhook is not counted: GitHub sends as much as happens.

use super::Http;
use super::error::HttpError;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName};
use axum::middleware::Next;
use axum::response::Response;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;

const A_SECOND: NonZeroU32 = NonZeroU32::new(10).expect("ten is not zero");
const AT_ONCE: NonZeroU32 = NonZeroU32::new(60).expect("sixty is not zero");
/// With more addresses than this, those that have rested are forgotten.
const MOST_KNOWN: usize = 10_000;

/// The addresses that asked lately.
pub(super) struct Visitors {
    limiter: DefaultKeyedRateLimiter<IpAddr>,
    /// Who to believe when a proxy stands before us.
    trusted_header: Option<HeaderName>,
}

impl Visitors {
    pub(super) fn new(trusted_header: Option<HeaderName>) -> Self {
        let quota = Quota::per_second(A_SECOND).allow_burst(AT_ONCE);
        Self { limiter: RateLimiter::keyed(quota), trusted_header }
    }

    /// Whether this one may ask now; if not, after how many seconds.
    fn admit(&self, address: IpAddr) -> Result<(), u64> {
        if self.limiter.len() > MOST_KNOWN {
            self.limiter.retain_recent();
        }
        let checked = self.limiter.check_key(&address);
        checked.map_err(|until| until.wait_time_from(DefaultClock::default().now()).as_secs() + 1)
    }

    /// The address that counts. What stands first in a list of addresses was written by whoever asks;
    /// what our own proxy added stands last.
    fn address(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let told =
            self.trusted_header.as_ref().and_then(|name| headers.get_all(name).iter().next_back());
        let told =
            told.and_then(|value| value.to_str().ok()?.rsplit(',').next()?.trim().parse().ok());
        whole_network(told.unwrap_or(peer))
    }
}

/// Whoever has one address of IPv6 has all of its last 64 bits.
fn whole_network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(six) => IpAddr::V6(Ipv6Addr::from_bits(six.to_bits() >> 64 << 64)),
        four @ IpAddr::V4(_) => four,
    }
}

/// Lets a request through, or says when to come back.
pub(super) async fn count(
    State(http): State<Http>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Result<Response, HttpError> {
    let address = http.visitors.address(peer.ip(), request.headers());
    http.visitors.admit(address).map_err(HttpError::TooMany)?;
    Ok(next.run(request).await)
}
