//! Who asks: the App with a signed token of its own, an installation, or nobody.
//!
//! The App's tokens are verified here from the bytes up, without the library the product signs with.

use axum::http::{HeaderMap, header::AUTHORIZATION};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::Utc;
use serde_json::Value;

use super::reply::Reply;
use crate::simulator::{
    hub::Hub,
    journal::Auth,
    world::{Grant, World},
};

#[derive(Debug, Clone)]
pub(crate) enum Identity {
    Nobody,
    App,
    Token(Box<Grant>),
}

impl Identity {
    pub(crate) fn auth(&self, world: &World) -> Auth {
        match self {
            Self::Nobody => Auth::Nobody,
            Self::App => Auth::App,
            Self::Token(grant) => Auth::Token {
                installation: grant.installation,
                permissions: grant.permissions.clone(),
                repositories: names(world, grant),
            },
        }
    }
}

/// The full names a token is limited to.
pub(crate) fn names(world: &World, grant: &Grant) -> Option<Vec<String>> {
    let ids = grant.repositories.as_ref()?.iter();
    Some(ids.filter_map(|id| Some(world.repositories.get(id)?.full_name())).collect())
}

pub(crate) fn identify(hub: &Hub, world: &World, headers: &HeaderMap) -> Result<Identity, Reply> {
    let Some(value) = headers.get(AUTHORIZATION) else { return Ok(Identity::Nobody) };
    let text = value.to_str().unwrap_or_default();
    let (scheme, secret) = text.split_once(' ').unwrap_or_default();
    if !scheme.eq_ignore_ascii_case("bearer") && !scheme.eq_ignore_ascii_case("token") {
        return Err(Reply::refuse(401, "Bad credentials"));
    }
    if secret.starts_with("ghs_") {
        return token_identity(world, secret).ok_or_else(|| Reply::refuse(401, "Bad credentials"));
    }
    app_token(hub, secret).map(|()| Identity::App)
}

/// Who an installation token stands for, if it is valid now.
pub(crate) fn token_identity(world: &World, token: &str) -> Option<Identity> {
    let grant = world.tokens.get(token)?;
    let installation = world.installations.get(&grant.installation)?;
    let valid = grant.expires_at > world.now() && installation.suspended_at.is_none();
    valid.then(|| Identity::Token(Box::new(grant.clone())))
}

fn app_token(hub: &Hub, token: &str) -> Result<(), Reply> {
    let undecodable = || Reply::refuse(401, "A JSON web token could not be decoded");
    let (signed, signature) = token.rsplit_once('.').ok_or_else(undecodable)?;
    let (header, claims) = signed.split_once('.').ok_or_else(undecodable)?;
    let (header, claims) =
        (decode(header).ok_or_else(undecodable)?, decode(claims).ok_or_else(undecodable)?);
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| undecodable())?;
    let signed_by_us = hub.key.signed(signed.as_bytes(), &signature);
    if header.get("alg").and_then(Value::as_str) != Some("RS256") || !signed_by_us {
        return Err(undecodable());
    }
    issuer(hub, claims.get("iss"))?;
    // By the real clock: the bot signs with its own, which `advance` does not move.
    let now = Utc::now().timestamp();
    let moment = |name: &str| claims.get(name).and_then(Value::as_i64);
    let Some(issued) = moment("iat").filter(|issued| *issued <= now) else {
        let why = "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued";
        return Err(Reply::refuse(401, why));
    };
    let Some(expires) = moment("exp").filter(|expires| *expires > now && *expires > issued) else {
        let why = "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires";
        return Err(Reply::refuse(401, why));
    };
    if expires > now + 600 {
        return Err(Reply::refuse(401, "'Expiration time' claim ('exp') is too far in the future"));
    }
    Ok(())
}

fn issuer(hub: &Hub, issuer: Option<&Value>) -> Result<(), Reply> {
    let number = hub.app.app_id.to_string();
    let known = match issuer {
        Some(Value::Number(issuer)) => issuer.to_string() == number,
        Some(Value::String(issuer)) => *issuer == number || *issuer == hub.app.client_id,
        _ => false,
    };
    if known { Ok(()) } else { Err(Reply::refuse(404, "Integration not found")) }
}

fn decode(part: &str) -> Option<Value> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}
