//! What looks like a credential, and what does not. The samples are put together here, so that no
//! scanner takes this file for a leak.

use asynccoder::domain::secrets::in_line;

fn some(alphabet: &str, length: usize) -> String {
    alphabet.chars().cycle().take(length).collect()
}

#[test]
fn live_formats_are_found_wherever_they_stand() {
    let (letters, hex) = ("aB3dE5gH7jK9mN1pQ2", "0a1b2c3d4e5f6789");
    let word = |length| some(letters, length);
    let samples = [
        ("a GitHub token", format!("ghp_{}", word(36))),
        ("a GitHub token", format!("ghs_123_{}.{}.{}", word(20), word(80), word(80))),
        ("a GitHub token", format!("github_pat_{}", word(60))),
        ("a GitLab token", format!("glpat-{}", word(20))),
        ("an AWS access key", format!("AKIA{}", some("ABCD2345EFGH67", 16))),
        ("a Google API key", format!("AIza{}", word(35))),
        ("an Azure storage key", format!("AccountKey={}==", word(86))),
        ("an Anthropic key", format!("sk-ant-api03-{}", word(60))),
        ("an OpenAI key", format!("sk-proj-{}", word(48))),
        ("a Hugging Face token", format!("hf_{}", word(34))),
        ("a Slack token", format!("xoxb-{}", some("0123456789", 24))),
        ("a Slack webhook", format!("https://hooks.slack.com/services/T{0}/B{0}/{0}", word(9))),
        ("a Stripe key", format!("sk_live_{}", word(24))),
        ("a SendGrid key", format!("SG.{}.{}", word(22), word(43))),
        ("a DigitalOcean token", format!("dop_v1_{}", some(hex, 64))),
        ("an npm token", format!("npm_{}", word(36))),
        ("a PyPI token", format!("pypi-AgE{}", word(60))),
        ("an age key", format!("AGE-SECRET-KEY-1{}", some("QPZRY9X8GF2TVDW0", 58))),
        ("a private key", ["-----BEGIN RSA ", "PRIVATE KEY-----"].concat()),
        ("a private key", ["-----BEGIN ", "PRIVATE KEY-----"].concat()),
        ("a signed token", format!("eyJ{0}.eyJ{0}.{0}", word(40))),
    ];
    for (sort, sample) in samples {
        for line in
            [sample.clone(), format!("const KEY: &str = \"{sample}\";"), format!("KEY={sample}")]
        {
            assert_eq!(in_line(&line), Some(sort), "{line}");
        }
    }
}

#[test]
fn ordinary_lines_are_left_alone() {
    for line in [
        "let token = std::env::var(\"GITHUB_TOKEN\")?;",
        "ANTHROPIC_API_KEY=sk-ant-...",
        "the id is 01a206fc-d053-7603-8dd7-e9daf38a7540",
        "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        "commit 4b825dc642cb6eb9a060e54bf8d69288fbee4904",
        "-----BEGIN PUBLIC KEY-----",
        "https://user:password@example.com/",
        "sk-learn is a library",
        "ghp_ and ghs_ are prefixes",
    ] {
        assert_eq!(in_line(line), None, "{line}");
    }
}
