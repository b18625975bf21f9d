//! The simulator's own signatures: webhooks are signed and App tokens verified here.
//!
//! Nothing of the product's signature code is used, so that an error there shows.

use anyhow::{Context as _, anyhow};
use aws_lc_rs::{
    hmac,
    rsa::KeyPair,
    signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// The public half of the App's key.
#[derive(Debug)]
pub(crate) struct AppKey(Vec<u8>);

impl AppKey {
    pub(crate) fn from_pem(pem: &str) -> anyhow::Result<Self> {
        let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let der = STANDARD.decode(body).context("the App key is not base64")?;
        let pair = KeyPair::from_der(&der).map_err(|error| anyhow!("the App key: {error}"))?;
        Ok(Self(pair.public_key().as_ref().to_vec()))
    }

    pub(crate) fn signed(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.0)
            .verify(message, signature)
            .is_ok()
    }
}

/// `X-Hub-Signature-256`
pub(crate) fn sha256_signature(secret: &str, body: &[u8]) -> String {
    format!("sha256={}", hex::encode(tag(hmac::HMAC_SHA256, secret, body)))
}

/// `X-Hub-Signature`
pub(crate) fn sha1_signature(secret: &str, body: &[u8]) -> String {
    let algorithm = hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY;
    format!("sha1={}", hex::encode(tag(algorithm, secret, body)))
}

/// A short name for some bytes, the same for the same bytes.
pub(crate) fn fingerprint(bytes: &[u8]) -> String {
    hex::encode(tag(hmac::HMAC_SHA256, "fingerprint", bytes))
}

fn tag(algorithm: hmac::Algorithm, secret: &str, body: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(algorithm, secret.as_bytes()), body)
}
