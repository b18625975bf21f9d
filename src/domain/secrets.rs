//! Texts that look like a live credential: what no commit of ours may add.
//!
//! Only formats that their issuers made recognisable, because a change that is refused for nothing is
//! work lost. What was found is named by its sort and never repeated.

use regex::RegexSet;
use std::sync::LazyLock;

/// The sort of a credential, and what it looks like.
const FORMATS: &[(&str, &str)] = &[
    ("a GitHub token", r"\b(?:gh[oprsu]_[A-Za-z0-9._]{36,}|github_pat_[A-Za-z0-9_]{36,})"),
    ("a GitLab token", r"\bglpat-[A-Za-z0-9_=-]{20,}"),
    ("an AWS access key", r"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b"),
    ("a Google API key", r"\bAIza[A-Za-z0-9_-]{35}"),
    ("an Azure storage key", r"AccountKey=[A-Za-z0-9+/=]{88}"),
    ("an Anthropic key", r"\bsk-ant-[A-Za-z0-9_-]{20,}"),
    ("an OpenAI key", r"\bsk-(?:proj-|svcacct-|admin-)?[A-Za-z0-9]{20}[A-Za-z0-9_-]{20,}"),
    ("a Hugging Face token", r"\bhf_[A-Za-z0-9]{34,}"),
    ("a Slack token", r"\bxox[abeoprs]-[0-9A-Za-z-]{10,}"),
    (
        "a Slack webhook",
        r"https://hooks\.slack\.com/services/T[A-Za-z0-9_]+/B[A-Za-z0-9_]+/[A-Za-z0-9_]+",
    ),
    ("a Stripe key", r"\b[rs]k_live_[A-Za-z0-9]{24,}"),
    ("a SendGrid key", r"\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
    ("a DigitalOcean token", r"\bdo[opr]_v1_[a-f0-9]{64}"),
    ("an npm token", r"\bnpm_[A-Za-z0-9]{36}\b|//[^\s/]+/:_authToken=[A-Za-z0-9_-]{20,}"),
    ("a PyPI token", r"\bpypi-AgE[A-Za-z0-9_-]{50,}"),
    ("an age key", r"\bAGE-SECRET-KEY-1[0-9A-Z]{58}"),
    (
        "a private key",
        r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----|PuTTY-User-Key-File-[23]",
    ),
    ("a signed token", r"\beyJ[A-Za-z0-9_=-]{10,}\.eyJ[A-Za-z0-9_=-]{10,}\.[A-Za-z0-9_=-]{20,}"),
];

static PATTERNS: LazyLock<Option<RegexSet>> =
    LazyLock::new(|| RegexSet::new(FORMATS.iter().map(|(_, pattern)| pattern)).ok());

/// What sort of credential a line seems to hold.
pub fn in_line(line: &str) -> Option<&'static str> {
    // Without its patterns the check would let everything pass, so it lets nothing pass.
    let Some(patterns) = PATTERNS.as_ref() else { return Some("something that cannot be checked") };
    let first = patterns.matches(line).iter().next()?;
    FORMATS.get(first).map(|(sort, _)| *sort)
}
