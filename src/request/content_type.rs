//! Reads header values made of a word and parameters (`multipart/form-data; boundary=x`), in the one way on which
//! parsers agree.

/// A value and its parameters; names are lowercase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parameters {
    /// What stands before the first `;`, lowercase.
    pub(super) value: String,
    parameters: Vec<(String, String)>,
}

/// More parameters than any client sends.
const MOST: usize = 16;

impl Parameters {
    /// Reads `value *( OWS ";" OWS name "=" ( token / quoted-string ) )` (RFC 9110, section 5.6.6). `None` for
    /// everything else, and for what parsers read differently: a name given twice, a backslash in front of a quote.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (value, mut rest) = text.split_once(';').map_or((text, None), |(value, rest)| (value, Some(rest)));
        let value = value.trim_matches(OWS).to_ascii_lowercase();
        let mut parameters: Vec<(String, String)> = Vec::new();
        while let Some(text) = rest {
            let text = text.trim_start_matches(OWS);
            if text.is_empty() && !parameters.is_empty() {
                break;
            }
            let (name, text) = text.split_once('=')?;
            let name = name.to_ascii_lowercase();
            let (value, text) = if let Some(text) = text.strip_prefix('"') {
                let (value, text) = text.split_once('"')?;
                // An escaped backslash is one for every parser: kept doubled, since nothing compares it.
                if value.replace("\\\\", "").ends_with('\\') || value.contains(is_control) {
                    return None;
                }
                (value, text)
            } else {
                let end = text.find(|character| character == ';' || OWS.contains(&character)).unwrap_or(text.len());
                let (value, text) = text.split_at_checked(end)?;
                if !is_token(value) {
                    return None;
                }
                (value, text)
            };
            let twice = parameters.iter().any(|(other, _)| *other == name);
            if !is_token(&name) || twice || parameters.len() >= MOST {
                return None;
            }
            parameters.push((name, value.to_owned()));
            let text = text.trim_start_matches(OWS);
            rest = if text.is_empty() { None } else { Some(text.strip_prefix(';')?) };
        }
        Some(Self { value, parameters })
    }

    /// The parameter with that lowercase name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

const OWS: [char; 2] = [' ', '\t'];

fn is_control(character: char) -> bool {
    character != '\t' && character.is_control()
}

/// Whether it is a token (RFC 9110, section 5.6.2).
pub(super) fn is_token(text: &str) -> bool {
    let is_tchar = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_tchar)
}

/// The boundary of a form, if `content_type` is one's. At most 70 characters, of those that RFC 2046 (section 5.1.1)
/// allows.
pub(super) fn boundary(content_type: &str) -> Option<String> {
    let read = Parameters::read(content_type)?;
    let boundary = read.get("boundary").filter(|_| read.value == "multipart/form-data")?;
    let is_bchar = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte);
    let fits = (1..=70).contains(&boundary.len()) && boundary.bytes().all(is_bchar) && !boundary.ends_with(' ');
    fits.then(|| boundary.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boundary_is_found_however_clients_write_it() {
        for (content_type, expected) in [
            ("multipart/form-data; boundary=abc", "abc"),
            ("multipart/form-data;boundary=abc", "abc"),
            ("Multipart/Form-Data ; Boundary=\"a b:c\"", "a b:c"),
            ("multipart/form-data; charset=utf-8; boundary=----WebKitFormBoundary7MA4", "----WebKitFormBoundary7MA4"),
            ("multipart/form-data; boundary=abc;", "abc"),
            ("multipart/form-data; boundary=abc ; x=\"y;z\"", "abc"),
        ] {
            assert_eq!(boundary(content_type).as_deref(), Some(expected), "{content_type}");
        }
    }

    #[test]
    fn a_boundary_that_could_be_read_two_ways_is_none() {
        for content_type in [
            "",
            "multipart/form-data",
            "multipart/form-data;",
            "multipart/form-data; boundary",
            "multipart/form-data; boundary=",
            "multipart/form-data; boundary=\"\"",
            "multipart/form-data; boundary=\"abc",
            "multipart/form-data; boundary=\"abc\"d",
            "multipart/form-data; boundary=\"a\\\"b\"",
            "multipart/form-data; boundary=abc; boundary=def",
            "multipart/form-data; boundary=abc; Boundary=abc",
            "multipart/form-data; boundary =abc",
            "multipart/form-data; boundary= abc",
            "multipart/form-data; boundary=a b",
            "multipart/form-data; boundary=\"ab \"",
            "multipart/form-data; boundary=\"a\\b\"",
            "multipart/form-data; boundary=é",
            "multipart/form-data, boundary=abc",
            "multipart/mixed; boundary=abc",
            "application/json; boundary=abc",
        ] {
            assert_eq!(boundary(content_type), None, "{content_type}");
        }
        assert!(boundary(&format!("multipart/form-data; boundary={}", "b".repeat(70))).is_some());
        assert!(boundary(&format!("multipart/form-data; boundary={}", "b".repeat(71))).is_none());
    }
}
