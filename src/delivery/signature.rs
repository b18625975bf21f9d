//! Verifies `X-Hub-Signature-256`: an HMAC-SHA256 over the raw bytes of the body.
//!
//! Several secrets may be live at once, so that one can be replaced without losing a delivery.
//! <https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries>

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// Whether the header's signature fits the body under one of the secrets. Every fault looks the
/// same from outside, and comparing takes the same time wherever a signature differs.
pub fn verify(header: &[u8], body: &[u8], secrets: &[SecretString]) -> bool {
    let Some(claimed) = header.strip_prefix(b"sha256=").and_then(|hex| hex::decode(hex).ok())
    else {
        return false;
    };
    secrets
        .iter()
        .any(|secret| mac(secret, body).is_some_and(|mac| mac.verify_slice(&claimed).is_ok()))
}

/// The header that GitHub would send for this body.
pub fn sign(body: &[u8], secret: &SecretString) -> String {
    let code = mac(secret, body).map(|mac| mac.finalize().into_bytes());
    format!("sha256={}", code.map(hex::encode).unwrap_or_default())
}

fn mac(secret: &SecretString, body: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).ok()?;
    mac.update(body);
    Some(mac)
}
