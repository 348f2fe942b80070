//! A part of the accounts, for one of several processes or machines.

use std::str::FromStr;

use sha2::{Digest as _, Sha256};

/// `K/N`: the accounts that fall to part K, counted from 0, of N.
///
/// An account falls to the part whose number is the first 64 bits (big endian) of the SHA-256 of its name, modulo N:
/// every account to exactly one part, whatever other accounts there are. The rule never changes; two versions of
/// popfetch agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    part: u32,
    of: u32,
}

impl Shard {
    /// Whether an account falls to this part.
    pub fn holds(self, account: &str) -> bool {
        let sum = Sha256::digest(account.as_bytes());
        let first = sum
            .iter()
            .take(8)
            .fold(0, |number, octet| number << 8 | u64::from(*octet));
        first % u64::from(self.of) == u64::from(self.part)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text
            .split_once('/')
            .and_then(|(part, of)| Some((part.parse().ok()?, of.parse().ok()?)));
        match numbers {
            Some((part, of)) if part < of => Ok(Self { part, of }),
            Some((part, of)) => Err(format!(
                "parts are counted from 0: there is no part {part} of {of}"
            )),
            None => Err("two numbers as in 0/4: this part, and how many there are".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    const PARTS_OF_SEVEN: [(&str, u32); 6] = [
        ("work", 4),
        ("home", 0),
        ("a", 4),
        ("me@pop.example.org", 2),
        ("", 1),
        ("été", 4),
    ];

    #[test]
    fn the_rule_never_changes() {
        // `printf NAME | sha256sum`, its first 16 digits, modulo 7; computed independently.
        for (name, part) in PARTS_OF_SEVEN {
            let holding: Vec<u32> = (0..7)
                .filter(|part| Shard { part: *part, of: 7 }.holds(name))
                .collect();
            assert_eq!(holding, [part], "{name}");
        }
    }

    #[test]
    fn as_written() {
        assert_eq!("0/1".parse(), Ok(Shard { part: 0, of: 1 }));
        assert_eq!("3/4".parse(), Ok(Shard { part: 3, of: 4 }));
        for wrong in [
            "", "1", "/", "1/", "/2", "4/4", "0/0", "-1/4", "a/b", "1/2/3",
        ] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn parts_are_about_equal() {
        let names: Vec<String> = (0..1000).map(|n| format!("account-{n}")).collect();
        for part in 0..4 {
            let shard = Shard { part, of: 4 };
            let count = names.iter().filter(|name| shard.holds(name)).count();
            assert!((200..300).contains(&count), "{part}: {count}");
        }
    }

    proptest! {
        #[test]
        fn every_account_falls_to_exactly_one_part(name in ".{0,20}", of in 1_u32..40) {
            let holding = (0..of).filter(|part| Shard { part: *part, of }.holds(&name)).count();
            prop_assert_eq!(holding, 1);
        }
    }
}
