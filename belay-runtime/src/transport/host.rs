//! A host, one of its ports, and the password for what listens there.

use std::fmt;

use super::percent;
use super::problem::Problem;

/// What listens on a port of a host.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Host {
    pub(super) name: String,
    pub(super) port: u16,
}

/// A password, which no message shows.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Password(String);

impl Password {
    /// `None` if it is empty or cannot be typed in one line.
    pub(super) fn new(password: String) -> Option<Self> {
        let typed = !password.is_empty() && !password.contains(['\r', '\n']);
        typed.then_some(Self(password))
    }

    /// The line in which it is typed.
    #[cfg(feature = "webrepl")]
    pub(super) fn line(&self) -> String {
        format!("{}\r", self.0)
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, port } = self;
        if name.contains(':') {
            write!(f, "[{name}]:{port}")
        } else {
            write!(f, "{name}:{port}")
        }
    }
}

impl Host {
    /// Reads `//host:port`, or `//host` if there is a `usual` port.
    pub(super) fn parse(scheme: &str, rest: &str, usual: Option<u16>) -> Result<Self, Problem> {
        let authority = without_slashes(scheme, rest)?;
        let split = authority
            .rsplit_once(':')
            .filter(|(_, port)| !port.ends_with(']'));
        let (host, port) = match (split, usual) {
            (Some((host, port)), _) => (host, parse_port(port)?),
            (None, Some(usual)) => (authority, usual),
            (None, None) => {
                let meant = format!("{scheme}://{authority}:2000");
                return Err(Problem::new("the port number is missing").meant(meant));
            }
        };
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let name = bracketed.unwrap_or(host);
        if bracketed.is_none() && name.contains(':') {
            let meant = format!("{scheme}://[{name}]:{port}");
            return Err(Problem::new("an IPv6 address stands in brackets").meant(meant));
        }
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:%".contains(&byte) || byte >= 0x80;
        if name.is_empty() || !name.bytes().all(is_name) {
            return Err(Problem::new(format!("`{name}` is not the name of a host")));
        }
        Ok(Self {
            name: name.to_owned(),
            port,
        })
    }

    /// The same, with an optional password before the host.
    pub(super) fn parse_with_password(
        scheme: &str,
        rest: &str,
        usual: u16,
    ) -> Result<(Self, Option<Password>), Problem> {
        let rest = rest.strip_suffix('/').filter(|rest| *rest != "/").unwrap_or(rest);
        let authority = without_slashes(scheme, rest)?;
        let Some((before, host)) = authority.rsplit_once('@') else {
            if authority.starts_with(':') {
                return Err(Problem::new("after a password comes `@` and the host"));
            }
            return Ok((Self::parse(scheme, rest, Some(usual))?, None));
        };
        let Some(password) = before.strip_prefix(':') else {
            let problem = Problem::new("WebREPL knows no users: a `:` comes before the password");
            return Err(problem.meant(format!("{scheme}://:PASSWORD@{host}")));
        };
        let password = Password::new(percent::decode(password))
            .ok_or_else(|| Problem::new("the password is empty, or has more than one line"))?;
        Ok((
            Self::parse(scheme, &format!("//{host}"), Some(usual))?,
            Some(password),
        ))
    }
}

fn without_slashes<'a>(scheme: &str, rest: &'a str) -> Result<&'a str, Problem> {
    rest.strip_prefix("//").ok_or_else(|| {
        let problem = Problem::new(format!("`{scheme}:` needs two slashes"));
        problem.meant(format!("{scheme}://{}", rest.trim_start_matches('/')))
    })
}

fn parse_port(port: &str) -> Result<u16, Problem> {
    match port.parse() {
        Ok(number) if number != 0 && !port.starts_with('+') => Ok(number),
        _ => Err(Problem::new(format!(
            "the port `{port}` is not a number from 1 to 65535"
        ))),
    }
}

/// An address without its password, or what looks like one.
pub(super) fn without_password(text: &str) -> String {
    let hidden = text.split_once("://").and_then(|(scheme, rest)| {
        let name = scheme.trim_ascii_start();
        let is_scheme = name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let begins = rest.starts_with(':') && name.to_ascii_lowercase().starts_with("ws");
        let host = rest.rsplit_once('@').map(|(_, host)| host);
        (is_scheme && (begins || host.is_some()))
            .then(|| format!("{scheme}://…@{}", host.unwrap_or_default()))
    });
    hidden.unwrap_or_else(|| text.to_owned())
}
