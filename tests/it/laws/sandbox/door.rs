//! The door of a setup: it leads to the hosts that the operator named, at addresses of the internet, and
//! nowhere else.

use super::{Cell, LONG};
use crate::world::registry::{FETCH, Registry};
use asynccoder::config::Outside;
use asynccoder::domain::setup::{Hosts, NoSetup};
use asynccoder::domain::verification::Exit;
use asynccoder::sandbox::{Access, Egress, Job, Ran, SandboxError};
use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use tokio_util::sync::CancellationToken;

/// An address of the internet; here it is the registry's.
const THERE: &str = "93.184.216.34";

/// Addresses that no setup may reach, whatever leads there.
const NEVER: [&str; 34] = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.1.2.3",
    "168.63.129.16",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:93.184.216.34",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "2001:db8::1",
    "fd00:ec2::254",
    "fe80::1",
    "ff02::1",
];

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// A world in which a name is at these addresses, and every address is the registry.
fn outside(registry: &Registry, names: &[(&str, &[&[&str]])]) -> Outside {
    let answer = |addresses: &&[&str]| addresses.iter().map(|address| ip(address)).collect();
    let names = names.iter().map(|(name, answers)| {
        ((*name).to_owned(), answers.iter().map(answer).collect::<Vec<Vec<IpAddr>>>())
    });
    let all = NEVER.iter().chain(&[THERE]);
    let addresses = all.map(|address| (ip(address), registry.address())).collect();
    Outside { names: names.collect(), addresses }
}

impl Cell {
    /// One whose setups may reach these hosts.
    async fn with_door(hosts: &str, outside: Outside) -> Self {
        let cell = Self::new("bubblewrap").await;
        fs::write(cell.tree().join("fetch.py"), FETCH).unwrap();
        let egress = Egress::new(Hosts::parse(hosts).unwrap(), outside);
        Self { sandbox: cell.sandbox.with_egress(egress), folder: cell.folder }
    }

    async fn sets_up(&self, command: &str) -> Ran {
        let tree = self.tree();
        let job = Job { command, workspace: &tree, access: Access::ReadWrite, time: LONG };
        self.sandbox.run_setup(job, &CancellationToken::new()).await.unwrap()
    }
}

#[tokio::test]
async fn an_allowed_host_is_reached_and_no_other() {
    let registry = Registry::start();
    let names: [(&str, &[&[&str]]); 3] = [
        ("registry.example.org", &[&[THERE]]),
        ("a.b.example.com", &[&[THERE]]),
        ("example.com", &[&[THERE]]),
    ];
    let hosts = "registry.example.org, *.example.com";
    let cell = Cell::with_door(hosts, outside(&registry, &names)).await;
    for host in ["registry.example.org", "REGISTRY.example.org.", "a.b.example.com"] {
        let ran = cell.sets_up(&format!("python3 fetch.py {host}")).await;
        assert_eq!((ran.exit, ran.output.trim()), (Exit::Code(0), "fetched"), "{host}");
    }
    assert_eq!(registry.asked(), 3);
    for host in ["example.com", "evil.org", "registry.example.org.evil.org", "93.184.216.34"] {
        let ran = cell.sets_up(&format!("python3 fetch.py {host}")).await;
        let why = format!("{host} is not among the hosts that a setup may reach (SETUP_HOSTS)");
        assert_eq!(ran.exit, Exit::Code(1), "{host}");
        assert_eq!(ran.output.trim(), format!("HTTP/1.1 403 {why}\n\n[refused: {why}]"), "{host}");
    }
    let others = "for port in 80 22 8443; do python3 fetch.py registry.example.org $port; done; \
                  python3 fetch.py 'http://registry.example.org/' GET; true";
    let ran = cell.sets_up(others).await;
    let only = "https only, on port 443";
    assert_eq!(ran.output.matches(only).count(), 5, "{}", ran.output);
    assert_eq!(registry.asked(), 3, "nothing else came through");
}

#[tokio::test]
async fn an_address_that_is_not_the_internets_is_never_connected_to() {
    let registry = Registry::start();
    let answers: Vec<Vec<&str>> = NEVER.iter().map(|address| vec![*address]).collect();
    let answers: Vec<&[&str]> = answers.iter().map(Vec::as_slice).collect();
    let names: [(&str, &[&[&str]]); 2] =
        [("inside.example.org", &answers), ("both.example.org", &[&["10.0.0.1", THERE]])];
    let cell = Cell::with_door("*.example.org", outside(&registry, &names)).await;
    let each = format!(
        "for n in $(seq {}); do python3 fetch.py inside.example.org; done; true",
        NEVER.len()
    );
    let ran = cell.sets_up(&each).await;
    let why = "inside.example.org has no address on the internet that a setup may reach";
    assert_eq!(ran.output.matches(&format!("403 {why}")).count(), NEVER.len(), "{}", ran.output);
    assert_eq!(registry.asked(), 0);
    // Of two addresses only the one that is fit is used.
    let ran = cell.sets_up("python3 fetch.py both.example.org").await;
    assert_eq!(ran.output.trim(), "fetched");
}

#[tokio::test]
async fn the_address_that_was_looked_at_is_the_one_that_is_connected_to() {
    let registry = Registry::start();
    let names: [(&str, &[&[&str]]); 1] = [("turns.example.org", &[&[THERE], &["127.0.0.1"]])];
    let found = outside(&registry, &names);
    // Whoever looked the name up a second time would come to somebody else.
    let other = Registry::start();
    let addresses: BTreeMap<IpAddr, SocketAddr> =
        [(ip(THERE), registry.address()), (ip("127.0.0.1"), other.address())].into();
    let cell = Cell::with_door("*.example.org", Outside { addresses, ..found }).await;
    let ran = cell.sets_up("python3 fetch.py turns.example.org").await;
    assert_eq!(ran.output.trim(), "fetched");
    let ran = cell
        .sets_up("python3 fetch.py turns.example.org; python3 fetch.py turns.example.org")
        .await;
    assert!(ran.output.contains("403 turns.example.org has no address"), "{}", ran.output);
    assert_eq!((registry.asked(), other.asked()), (2, 0));
}

/// Many hosts stand at one address; the name that TLS begins with tells which of them is meant.
#[tokio::test]
async fn a_connection_is_for_the_host_that_it_was_asked_for() {
    let registry = Registry::start();
    let names: [(&str, &[&[&str]]); 2] =
        [("registry.example.org", &[&[THERE]]), ("other.example.org", &[&[THERE]])];
    let hosts = "registry.example.org, other.example.org";
    let cell = Cell::with_door(hosts, outside(&registry, &names)).await;
    let begins_with = |file: &str, hello: &str| {
        assert!(FETCH.contains("said.read()"));
        fs::write(cell.tree().join(file), FETCH.replace("said.read()", hello)).unwrap();
    };
    // The session's ticket is an extension that is empty at the beginning: 35, and no bytes.
    begins_with("hidden.py", "said.read().replace(b'\\0\\x23\\0\\0', b'\\xfe\\x0d\\0\\0')");
    begins_with("twice.py", "said.read().replace(b'\\0\\x23\\0\\0', b'\\0\\0\\0\\0')");
    begins_with("ticket.py", "said.read().replace(b'\\0\\x23\\0\\0', b'\\0\\x23\\0\\0')");
    begins_with("plain.py", "b'GET / HTTP/1.1\\r\\n\\r\\n'");
    begins_with("endless.py", "b'\\x16\\3\\1' + bytes([255, 255])");
    begins_with("zeros.py", "bytes(5000)");
    let host = "registry.example.org";
    for fine in [
        format!("fetch.py {host} 443 word REGISTRY.EXAMPLE.org"),
        format!("ticket.py {host}"),
        "fetch.py other.example.org".to_owned(),
    ] {
        let ran = cell.sets_up(&format!("python3 {fine}")).await;
        assert_eq!((ran.exit, ran.output.trim()), (Exit::Code(0), "fetched"), "{fine}");
    }
    let why = format!("the connection to {host} did not begin with its name in the clear");
    for other in [
        format!("fetch.py {host} 443 word other.example.org"),
        format!("fetch.py {host} 443 word evil.org"),
        format!("fetch.py {host} 443 word {host}.evil.org"),
        // Python names no host if it is an address.
        format!("fetch.py {host} 443 word {THERE}"),
        format!("hidden.py {host}"),
        format!("twice.py {host}"),
        format!("plain.py {host}"),
        format!("endless.py {host}"),
        format!("zeros.py {host}"),
    ] {
        let ran = cell.sets_up(&format!("python3 {other}")).await;
        assert!(ran.output.contains(&format!("[refused: {why}")), "{other}: {}", ran.output);
        assert!(!ran.output.contains("fetched"), "{other}: {}", ran.output);
    }
}

#[tokio::test]
async fn there_is_no_other_way_out() {
    let registry = Registry::start();
    let port = registry.address().port();
    let names: [(&str, &[&[&str]]); 1] = [("registry.example.org", &[&[THERE]])];
    let cell = Cell::with_door("registry.example.org", outside(&registry, &names)).await;
    let direct = format!("exec 3<>/dev/tcp/127.0.0.1/{port}");
    assert_ne!(cell.sets_up(&direct).await.exit, Exit::Code(0));
    assert_ne!(cell.sets_up("exec 3<>/dev/tcp/93.184.216.34/443").await.exit, Exit::Code(0));
    let ran = cell.sets_up("getent hosts registry.example.org localhost").await;
    assert_ne!(ran.exit, Exit::Code(0), "there are no names: {}", ran.output);
    let ran = cell.sets_up("tail -n +2 /proc/net/dev | grep -v : ; grep -c : /proc/net/dev").await;
    assert_eq!(ran.output.lines().last(), Some("1"), "only a loopback: {}", ran.output);
    assert_eq!(registry.asked(), 0);
    // A command that is no setup has no door at all.
    let ran =
        cell.runs("ls /run; env | grep -i proxy; python3 fetch.py registry.example.org").await;
    assert_eq!(ran.output.lines().next(), Some("asynccoder"), "{}", ran.output);
    assert!(ran.exit != Exit::Code(0) && ran.output.contains("KeyError"), "{}", ran.output);
    assert_eq!(registry.asked(), 0);
}

#[tokio::test]
async fn a_setup_finds_the_door_and_no_secret_in_its_environment() {
    let registry = Registry::start();
    let cell = Cell::with_door("registry.example.org", outside(&registry, &[])).await;
    let names = cell.sets_up("env | cut -d= -f1 | sort | tr '\\n' ' '").await.output;
    let expected = "CARGO_HTTP_PROXY CARGO_TERM_COLOR CI GIT_CONFIG_NOSYSTEM GIT_TERMINAL_PROMPT HOME HTTPS_PROXY HTTP_PROXY JAVA_TOOL_OPTIONS LANG LESS MANPAGER NO_COLOR NO_PROXY PAGER PATH PIP_PROGRESS_BAR PIP_PROXY PWD SHLVL TERM TMPDIR TQDM_DISABLE YARN_HTTPS_PROXY _ http_proxy https_proxy no_proxy npm_config_https_proxy npm_config_proxy";
    assert_eq!(names.trim(), expected);
    let others = cell.sets_up("cat /proc/*/environ | tr '\\0' '\\n' | cut -d= -f1 | sort -u").await;
    for name in ["PRIVATE_KEY", "WEBHOOK_SECRET", "APP_ID", "CARGO_MANIFEST_DIR"] {
        assert!(!others.output.contains(name), "{}", others.output);
    }
}

#[tokio::test]
async fn what_is_fetched_and_connected_has_a_bound() {
    let registry = Registry::start();
    let names: [(&str, &[&[&str]]); 1] = [("registry.example.org", &[&[THERE]])];
    let found = outside(&registry, &names);
    let hosts = || Hosts::parse("registry.example.org").unwrap();
    let cell = Cell::with_door("registry.example.org", found.clone()).await;
    let egress = Egress::new(hosts(), found).with_most_bytes(10_000);
    let cell = Cell { sandbox: cell.sandbox.with_egress(egress), folder: cell.folder };
    let ran = cell.sets_up("python3 fetch.py registry.example.org 443 1000000 | wc -c").await;
    assert!(
        ran.output.contains("[refused: a setup may not fetch more than this]"),
        "{}",
        ran.output
    );
    let bytes: u64 = ran.output.lines().next().unwrap().trim().parse().unwrap();
    assert!(bytes < 20_000, "{bytes}");
}

#[tokio::test]
async fn walls_without_a_door_run_no_setup() {
    let cell = Cell::new("landlock").await;
    assert_eq!(cell.sandbox.no_setup(), Some(NoSetup::NotAllowed));
    let egress = Egress::new(Hosts::parse("example.org").unwrap(), Outside::default());
    let sandbox = cell.sandbox.clone().with_egress(egress);
    assert_eq!(sandbox.no_setup(), Some(NoSetup::NoDoor));
    let tree = cell.tree();
    let job = Job { command: "touch ran", workspace: &tree, access: Access::ReadWrite, time: LONG };
    let ran = sandbox.run_setup(job, &CancellationToken::new()).await;
    assert!(matches!(ran, Err(SandboxError::Unusable(_))) && !tree.join("ran").exists());
}
