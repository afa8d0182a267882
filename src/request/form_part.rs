//! Reads the header of one part of a form.

use super::BadBody;
use super::content_type::{Parameters, is_token};

/// Which part of a form this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// The field `model`.
    Model,
    /// The field `stream`.
    Stream,
    /// The field `prompt`: text that goes to the model.
    Prompt,
    /// A file, or a field that is not ours to judge.
    Other,
}

/// Reads the lines before a part's content, each still ending in CRLF (RFC 7578, section 4.2).
pub(super) fn read(header: &[u8]) -> Result<Part, BadBody> {
    let text = core::str::from_utf8(header).map_err(|_| BadBody::whole("a part's header is not UTF-8"))?;
    let (mut disposition, mut content_type, mut transfer_encoding) = (None, None, None);
    for line in text.split_terminator("\r\n") {
        // No token is also a line that begins with a space, which to some parsers goes on from the one before.
        let (name, value) = line.split_once(':').filter(|(name, _)| is_token(name)).ok_or(HEADER)?;
        if value.contains(|character: char| character != '\t' && character.is_control()) {
            return Err(HEADER);
        }
        let slot = match name.to_ascii_lowercase().as_str() {
            "content-disposition" => &mut disposition,
            "content-type" => &mut content_type,
            "content-transfer-encoding" => &mut transfer_encoding,
            _ => continue,
        };
        if slot.replace(value).is_some() {
            return Err(BadBody::whole("a part of the form has a header twice"));
        }
    }
    let disposition = disposition
        .and_then(Parameters::read)
        .filter(|read| read.value == "form-data" && read.get("name*").is_none())
        .ok_or(DISPOSITION)?;
    // Some parsers drop the backslash, some keep it: two different fields.
    let name = disposition.get("name").filter(|name| !name.contains('\\')).ok_or(DISPOSITION)?;
    let part = match name {
        "model" => Part::Model,
        "stream" => Part::Stream,
        "prompt" => Part::Prompt,
        _ => return Ok(Part::Other),
    };
    if disposition.get("filename").is_some() || disposition.get("filename*").is_some() {
        return Err(BadBody::field(field_name(part), "is sent as a file; send it as a plain field"));
    }
    let plain = content_type.is_none_or(is_plain_text) && transfer_encoding.is_none_or(is_identity);
    if plain { Ok(part) } else { Err(BadBody::field(field_name(part), "must be plain UTF-8 text")) }
}

/// As the caller writes it.
pub(super) const fn field_name(part: Part) -> &'static str {
    match part {
        Part::Model => "model",
        Part::Stream => "stream",
        Part::Prompt => "prompt",
        Part::Other => "",
    }
}

const HEADER: BadBody = BadBody::whole("a part of the form has a malformed header");
const DISPOSITION: BadBody =
    BadBody::whole("a part of the form has no readable `content-disposition: form-data; name=\"…\"`");

/// Whether the bytes of a field are its text. Nothing inside, no other alphabet.
fn is_plain_text(content_type: &str) -> bool {
    Parameters::read(content_type).is_some_and(|read| {
        let charset = read.get("charset").unwrap_or("utf-8").to_ascii_lowercase();
        !read.value.starts_with("multipart/") && matches!(charset.as_str(), "utf-8" | "utf8" | "us-ascii")
    })
}

fn is_identity(transfer_encoding: &str) -> bool {
    let encoding = transfer_encoding.trim_matches([' ', '\t']).to_ascii_lowercase();
    matches!(encoding.as_str(), "7bit" | "8bit" | "binary")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(header: &str) -> Option<Part> {
        read(header.as_bytes()).ok()
    }

    #[test]
    fn a_field_is_known_by_its_name() {
        for (header, expected) in [
            ("Content-Disposition: form-data; name=\"model\"\r\n", Part::Model),
            ("content-disposition:form-data;name=model\r\n", Part::Model),
            ("CONTENT-DISPOSITION: Form-Data; NAME=\"stream\"\r\nX-Y: z\r\n", Part::Stream),
            (
                "Content-Disposition: form-data; name=\"prompt\"\r\nContent-Type: text/plain; charset=UTF-8\r\n",
                Part::Prompt,
            ),
            ("Content-Disposition: form-data; name=\"file\"; filename=\"a;b=\\\\.mp3\"\r\n", Part::Other),
            ("Content-Disposition: form-data; name=\"Model\"\r\n", Part::Other),
            ("Content-Disposition: form-data; name=\"model \"\r\n", Part::Other),
            ("Content-Disposition: form-data; name=\"\"\r\n", Part::Other),
            ("Content-Disposition: form-data; name=\"model\"\r\nContent-Transfer-Encoding: 8bit\r\n", Part::Model),
        ] {
            assert_eq!(part(header), Some(expected), "{header}");
        }
    }

    #[test]
    fn a_header_that_could_be_read_two_ways_is_refused() {
        for header in [
            "",
            "Content-Type: text/plain\r\n",
            "Content-Disposition: form-data\r\n",
            "Content-Disposition: attachment; name=\"model\"\r\n",
            "Content-Disposition: form-data; name=\"model\"; name=\"file\"\r\n",
            "Content-Disposition: form-data; name=\"file\"; name*=utf-8''model\r\n",
            "Content-Disposition: form-data; name*=utf-8''model\r\n",
            "Content-Disposition: form-data; name=\"mod\\el\"\r\n",
            "Content-Disposition: form-data; name=\"file\"; filename=\"a\\\"; name=\\\"model\"\r\n",
            "Content-Disposition: form-data; name=\"a\"\r\nContent-Disposition: form-data; name=\"model\"\r\n",
            "Content-Disposition: form-data;\r\n name=\"model\"\r\n",
            "Content-Disposition : form-data; name=\"model\"\r\n",
            "Content-Disposition: form-data; name=\"file\"\nContent-Disposition: form-data; name=\"model\"\r\n",
            "Content-Disposition: form-data; name=\"file\"\rx: y\r\n",
            "Content-Disposition: form-data; name=\"a\0\"\r\n",
            "Content-Disposition\r\n",
        ] {
            assert_eq!(part(header), None, "{header:?}");
        }
        assert!(read(b"Content-Disposition: form-data; name=\"\xff\"\r\n").is_err());
    }

    #[test]
    fn a_governed_field_is_neither_a_file_nor_encoded() {
        for more in [
            "; filename=\"x\"\r\n",
            "; filename=\r\n",
            "; filename=\"\"\r\n",
            "; filename*=utf-8''x\r\n",
            "\r\nContent-Transfer-Encoding: base64\r\n",
            "\r\nContent-Transfer-Encoding: quoted-printable\r\n",
            "\r\nContent-Type: text/plain; charset=utf-16\r\n",
            "\r\nContent-Type: text/plain; charset=utf-7\r\n",
            "\r\nContent-Type: multipart/mixed; boundary=x\r\n",
        ] {
            for name in ["model", "stream", "prompt"] {
                let header = format!("Content-Disposition: form-data; name=\"{name}\"{more}");
                assert!(read(header.as_bytes()).is_err(), "{header:?}");
            }
        }
    }
}
