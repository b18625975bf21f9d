//! What is said about a setup: in the table of what was measured, to the program that asks for a host
//! that is not allowed, and to the model.

use crate::domain::setup::{NoSetup, SetupEnd, SetupRun};

/// The variable in which the operator names hosts.
const VARIABLE: &str = "SETUP_HOSTS";

/// Why a setup was not begun.
pub fn not_begun(why: &NoSetup) -> String {
    match why {
        NoSetup::NotAllowed => {
            format!("the operator of this server names no hosts for it ({VARIABLE})")
        }
        NoSetup::NoDoor => {
            "the sandbox here has no network of its own; it takes bubblewrap".to_owned()
        }
        NoSetup::Broken => {
            "something on this server did not work; its operator finds it in the log".to_owned()
        }
    }
}

/// Why a check says nothing where the setup came to nothing.
pub const AFTER_A_RED_SETUP: &str = "the setup did not come to its end";

/// To a program that asks for a host that is not allowed.
pub fn refused_host(host: &str) -> String {
    format!("{host} is not among the hosts that a setup may reach ({VARIABLE})")
}

/// To a program that asks for an allowed host whose address is not one of the internet's.
pub fn refused_address(host: &str) -> String {
    format!("{host} has no address on the internet that a setup may reach")
}

/// About a program that was connected to an allowed host and then asked for another one there.
pub fn refused_name(host: &str) -> String {
    format!("the connection to {host} did not begin with its name in the clear (TLS server name)")
}

/// To a program that asks for anything but an encrypted connection.
pub const REFUSED_REQUEST: &str = "a setup reaches hosts by https only, on port 443";

/// To a program that asks for a host that does not answer.
pub fn unreachable(host: &str) -> String {
    format!("{host} cannot be reached")
}

/// To a program that asks when as much as is allowed was fetched, or connected at once.
pub const TOO_MUCH: &str = "a setup may not fetch more than this";

/// What is added to a setup's output about a host that was refused; whatever its program made of that.
pub fn refused(sentence: &str) -> String {
    format!("[refused: {sentence}]")
}

/// To the model, before the answer of its first command.
pub fn told_to_the_model(run: &SetupRun) -> String {
    let command = &run.command;
    match &run.came_to {
        SetupEnd::Done | SetupEnd::FromCache => {
            format!("[the repository's setup was run before this: {command}]\n")
        }
        SetupEnd::Failed(exit) => format!(
            "[the repository's setup failed, so what it fetches is missing: {command}, exit {exit}. It \
             printed at its end:\n{}\n]\n",
            run.output
        ),
        SetupEnd::TooLarge => {
            format!(
                "[the repository's setup came to too much, so what it fetches is missing: {command}]\n"
            )
        }
        SetupEnd::NotRun(why) => {
            format!("[the repository's setup was not run: {command}; {}]\n", not_begun(why))
        }
    }
}
