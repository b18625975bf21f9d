//! Webhooks as GitHub sends them: rendered by the simulator, filled with text up to the usual size,
//! and each one different.
//!
//! What differs stands at the end of the body. So the signature of everything before it is computed
//! once, and the generator, which shares the machine, spends its time on sending.

use anyhow::{Context, ensure};
use asynccoder::simulator::{Opening, RepositoryOptions, Simulator};
use hmac::{Hmac, KeyInit, Mac};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde_json::{Map, Value};
use sha2::Sha256;
use std::fmt::Write as _;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Organizations, each with a repository and the App.
const ORGANIZATIONS: usize = 20;
/// What GitHub's payloads are like, in bytes.
const SIZE: usize = 20_000;
/// One in so many asks for something.
const COMMAND_EVERY: u64 = 100;
/// 15 October 1582 to 1970, in steps of 100 ns: GitHub's delivery ids are of version 1.
const GREGORIAN: u64 = 0x01B2_1DD2_1381_4000;

/// Everything that can be sent.
pub(crate) struct Payloads {
    templates: Vec<Template>,
    path: String,
    began: u64,
}

/// A body up to what differs.
struct Template {
    event: String,
    start: Vec<u8>,
    signed: Hmac<Sha256>,
    is_comment: bool,
}

impl Payloads {
    /// Sets the stage and takes what the simulator sends about it.
    pub(crate) async fn record(simulator: &Simulator) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        simulator.deliver_to(&format!("http://{}/", listener.local_addr()?));
        let mut random = StdRng::seed_from_u64(20);
        simulator.add_user("dana");
        let mut templates = Vec::new();
        let secret = simulator.credentials().webhook_secret;
        for number in 0..ORGANIZATIONS {
            act(simulator, number, &mut random)?;
            // Issue, comment, pull request and push of each organization.
            while templates.len() < (number + 1) * 4 {
                let (event, body) = receive(&listener).await?;
                templates.extend(Template::of(&event, body, &secret, &mut random)?);
            }
        }
        // Whatever the bot's own comments cause is taken and thrown away.
        tokio::spawn(async move { while receive(&listener).await.is_ok() {} });
        let began = u64::try_from(chrono::Utc::now().timestamp_micros())? * 10 + GREGORIAN;
        Ok(Self { templates, path: "/api/webhooks/github".to_owned(), began })
    }

    /// Writes the `number`th request. Comments are the most frequent.
    pub(crate) fn write(&self, number: u64, request: &mut Vec<u8>) {
        let index = usize::try_from(number.wrapping_mul(0x9E37_79B9) >> 7).unwrap_or_default();
        let Some(template) = self.templates.get(index % self.templates.len()) else { return };
        let asks = template.is_comment && number % COMMAND_EVERY < 4;
        let command = if asks { "/asynccoder debgu" } else { "See above." };
        let end = format!("{command}\\n\\n{number}\",\"id\":{}}}}}", 9_000_000_000 + number);
        let mut signed = template.signed.clone();
        signed.update(end.as_bytes());
        let signature = hex::encode(signed.finalize().into_bytes());
        let time = self.began + number * 1_000;
        let guid = format!(
            "{:08x}-{:04x}-1{:03x}-8a5b-{:012x}",
            time & 0xffff_ffff,
            (time >> 32) & 0xffff,
            (time >> 48) & 0x0fff,
            0x4c93_67dc_0958_u64
        );
        let length = template.start.len() + end.len();
        request.clear();
        let head = format!(
            "POST {} HTTP/1.1\r\nhost: localhost\r\naccept: */*\r\nuser-agent: GitHub-Hookshot/a1b2c3d\r\n\
             content-type: application/json\r\nx-github-delivery: {guid}\r\nx-github-event: {}\r\n\
             x-hub-signature-256: sha256={signature}\r\ncontent-length: {length}\r\n\r\n",
            self.path, template.event
        );
        request.extend_from_slice(head.as_bytes());
        request.extend_from_slice(&template.start);
        request.extend_from_slice(end.as_bytes());
    }

    /// Bytes of a usual body.
    pub(crate) fn usual_size(&self) -> usize {
        self.templates.iter().map(|t| t.start.len()).sum::<usize>() / self.templates.len().max(1)
    }
}

/// What people do in one organization.
fn act(simulator: &Simulator, number: usize, random: &mut StdRng) -> anyhow::Result<()> {
    let owner = format!("organization-{number}");
    let repository = format!("{owner}/till");
    simulator.add_organization(&owner);
    simulator.add_repository(&repository, RepositoryOptions::default())?;
    simulator.set_permission(&repository, "dana", "write")?;
    simulator.quietly().install(&owner)?;
    let issue =
        simulator.open_issue(&repository, "dana", "The total is wrong", &text(random, 4000))?;
    simulator.comment(&repository, issue, "dana", "first")?;
    let files = [("src/lib.rs", Some("pub fn total() {}\n"))];
    simulator.commit_as(&repository, "dana", "work", &files)?;
    let opening =
        Opening { title: "Count again".to_owned(), head: "work".to_owned(), ..Opening::default() };
    simulator.open_pull_request(&repository, "dana", &opening)?;
    Ok(())
}

impl Template {
    /// `None` for an event that is none of ours.
    fn of(
        event: &str,
        body: Value,
        secret: &str,
        random: &mut StdRng,
    ) -> anyhow::Result<Option<Self>> {
        let (object, field) = match event {
            "issues" => ("issue", "body"),
            "issue_comment" => ("comment", "body"),
            "pull_request" => ("pull_request", "body"),
            "push" => ("head_commit", "message"),
            _ => return Ok(None),
        };
        let Value::Object(mut payload) = body else { anyhow::bail!("no object") };
        let Some(Value::Object(mut inner)) = payload.shift_remove(object) else { return Ok(None) };
        inner.shift_remove("id");
        inner.shift_remove(field);
        let missing = SIZE.saturating_sub(length(&payload)? + length(&inner)?);
        inner.insert(field.to_owned(), Value::from(text(random, missing)));
        payload.insert(object.to_owned(), Value::Object(inner));
        let mut start = serde_json::to_vec(&payload)?;
        ensure!(start.ends_with(b"\"}}"), "the text is the end");
        start.truncate(start.len() - 3);
        start.extend_from_slice(b"\\n\\n");
        let mut signed = Hmac::<Sha256>::new_from_slice(secret.as_bytes())?;
        signed.update(&start);
        let is_comment = event == "issue_comment";
        Ok(Some(Self { event: event.to_owned(), start, signed, is_comment }))
    }
}

fn length(object: &Map<String, Value>) -> anyhow::Result<usize> {
    Ok(serde_json::to_vec(object)?.len())
}

/// Takes one webhook.
async fn receive(listener: &TcpListener) -> anyhow::Result<(String, Value)> {
    let (mut stream, _) = listener.accept().await?;
    let request = read_request(&mut stream).await?;
    let answer = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    stream.write_all(answer).await?;
    Ok(request)
}

async fn read_request(stream: &mut TcpStream) -> anyhow::Result<(String, Value)> {
    let mut bytes = Vec::new();
    loop {
        ensure!(stream.read_buf(&mut bytes).await? > 0, "it was cut");
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let (head, body) = bytes.split_at(end + 4);
        let head = std::str::from_utf8(head)?.to_ascii_lowercase();
        let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
        let length: usize = header("content-length: ").context("no length")?.trim().parse()?;
        if body.len() >= length {
            let event = header("x-github-event: ").context("no event")?.trim().to_owned();
            return Ok((event, serde_json::from_slice(body)?));
        }
    }
}

/// So many bytes of what people write: words, numbers, and now and then a line of a log.
fn text(random: &mut StdRng, bytes: usize) -> String {
    const WORDS: &str = "the a of to and in that is it for on with as was at by be this have from or had not are but \
        what all were when we there can an your which their said if do will each about how up out them then she many \
        some so these would other into has more two like him see time could no make than first been its who now people \
        my made over did down only way find use may water long little very after words called just where most know \
        total rounding discount cents receipt customer threshold branch parser deploy regression timeout request cache";
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    let mut text = String::with_capacity(bytes + 80);
    while text.len() < bytes {
        if random.random_ratio(1, 40) {
            let (code, line): (u64, u16) = (random.random(), random.random_range(1..900));
            // Writing to a string does not fail.
            let _ = write!(text, "\n    at total::count (src/lib.rs:{line}) {code:016x}\n");
            continue;
        }
        text.push_str(words.choose(random).copied().unwrap_or_default());
        text.push(if random.random_ratio(1, 12) { ',' } else { ' ' });
    }
    text.truncate(bytes);
    text
}
