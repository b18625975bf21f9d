//! What proves who the App is, and what proves that a webhook is GitHub's.

use super::reader::Reader;
use base64::Engine;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::{ExposeSecret, SecretString};

impl Reader {
    pub(super) fn private_key(&mut self) -> Option<SecretString> {
        let text = match (self.take("PRIVATE_KEY"), self.take("PRIVATE_KEY_PATH")) {
            (Some(key), _) => key,
            (None, Some(path)) => match std::fs::read_to_string(&path) {
                Ok(key) => key,
                Err(error) => {
                    self.fault(
                        "PRIVATE_KEY_PATH",
                        &format!("names a file that cannot be read: {path}: {error}"),
                    );
                    return None;
                }
            },
            (None, None) => {
                self.fault(
                    "PRIVATE_KEY",
                    "is not set: give the App's private key here or its file in PRIVATE_KEY_PATH",
                );
                return None;
            }
        };
        let key = pem(&text);
        if key.is_none() {
            self.fault(
                "PRIVATE_KEY",
                "must be the App's private RSA key: PEM, PEM with \\n for line ends, or base64 of it",
            );
        }
        key.map(SecretString::from)
    }

    pub(super) fn webhook_secrets(&mut self) -> Option<Vec<SecretString>> {
        let text = self.required(
            "WEBHOOK_SECRET",
            "the secret from the App's settings; without one anybody could send commands",
        )?;
        let secrets = text.split(',').map(str::trim).filter(|s| !s.is_empty());
        let secrets: Vec<_> = secrets.map(|s| SecretString::from(s.to_owned())).collect();
        if secrets.is_empty() {
            self.fault(
                "WEBHOOK_SECRET",
                "has only commas: give the secret from the App's settings",
            );
            return None;
        }
        if secrets.iter().any(|s| s.expose_secret().len() < 8) {
            self.fault("WEBHOOK_SECRET", "is shorter than 8 characters: take a long random one");
        }
        Some(secrets)
    }
}

/// A PEM text in any of the shapes in which people keep it.
fn pem(text: &str) -> Option<String> {
    let unescaped = text.replace("\\n", "\n");
    let decoded = || {
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(text.split_whitespace().collect::<String>())
            .ok()?;
        String::from_utf8(bytes).ok()
    };
    let pem = if unescaped.contains("-----BEGIN") { unescaped } else { decoded()? };
    let key = EncodingKey::from_rsa_pem(pem.as_bytes()).ok()?;
    // A public key reads as well; only a private one signs.
    jsonwebtoken::encode(&Header::new(Algorithm::RS256), &(), &key).ok().map(|_| pem)
}
