use core::ops::Range;

use serde::{Deserialize, Serialize};

use super::{BadBody, Body, IncludeUsage, Layout, ModelField, ModelName, StreamOptions};

/// The few places of a body that change on its way to the provider. Every other byte stays as it was sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edits(Vec<Edit>);

/// Bytes in place of others.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Edit {
    range: Range<usize>,
    with: Vec<u8>,
    /// Where in `with` the model's value is, if it is there.
    model: Option<Range<usize>>,
}

impl Edit {
    const fn new(range: Range<usize>, with: Vec<u8>) -> Self {
        Self { range, with, model: None }
    }
}

/// Where a body names its model, so that another can be named there without reading the body again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelPlace {
    span: Range<usize>,
    in_form: bool,
}

impl ModelPlace {
    /// Names another model.
    #[must_use]
    pub fn rename(&self, model: &str) -> Edits {
        let with = if self.in_form { plain(model) } else { quoted(model) };
        Edits(vec![Edit::new(self.span.clone(), with)])
    }
}

impl Edits {
    /// Whether the provider's `model` can be written into `body`. A caller chooses the boundary of a form, and by way of a
    /// wildcard entry what the model is called: a name that is that boundary would end its own field.
    ///
    /// # Errors
    /// It cannot.
    pub fn check(body: &Body, model: &str) -> Result<(), BadBody> {
        match &body.layout {
            Layout::Form { boundary, .. } if plain(model).starts_with(format!("--{boundary}").as_bytes()) => {
                Err(BadBody::field("model", "begins with the boundary of the form; choose another boundary"))
            }
            Layout::Form { .. } | Layout::Object { .. } => Ok(()),
        }
    }

    /// What has to change so that `body` names the provider's `model` and, with `ask_for_usage`, asks a stream to
    /// report its usage (see [`Body::needs_asking_for_usage`]).
    #[must_use]
    pub fn new(body: &Body, model: &str, ask_for_usage: bool) -> Self {
        let mut edits = Vec::new();
        match &body.layout {
            Layout::Object { open, empty } => {
                let mut members = Vec::new();
                match &body.model {
                    Some(field) => edits.extend(renamed(field, model, quoted)),
                    None => members.push(member("model", &quoted(model))),
                }
                if ask_for_usage {
                    ask(&body.stream_options, &mut members, &mut edits);
                }
                let model = body.model.is_none().then(|| {
                    let value = member("model", b"").len();
                    value..value.saturating_add(quoted(model).len())
                });
                edits.extend(inserted(*open, &members, *empty).map(|edit| Edit { model, ..edit }));
            }
            Layout::Form { start, boundary } => match &body.model {
                Some(field) => edits.extend(renamed(field, model, plain)),
                None => {
                    let with = part("model", model, boundary);
                    let end = with.len().saturating_sub(b"\r\n".len());
                    let model = end.saturating_sub(plain(model).len())..end;
                    edits.push(Edit { range: *start..*start, with, model: Some(model) });
                }
            },
        }
        edits.sort_by_key(|edit| edit.range.start);
        Self(edits)
    }

    /// Whether nothing changes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many bytes of the body have to be there for [`Edits::apply`]: all edits lie before.
    #[must_use]
    pub fn end(&self) -> usize {
        self.0.last().map_or(0, |edit| edit.range.end)
    }

    /// The changed body, in parts: what stays is borrowed from `body`, which is the whole of it, or a beginning of at
    /// least [`Edits::end`] bytes.
    pub fn parts<'p>(&'p self, body: &'p [u8]) -> impl Iterator<Item = &'p [u8]> {
        let mut from = 0;
        let changed = self.0.iter().flat_map(move |edit| {
            let stays = body.get(from..edit.range.start).unwrap_or_default();
            from = edit.range.end;
            [stays, edit.with.as_slice()]
        });
        let last = self.0.last().map_or(0, |edit| edit.range.end);
        changed.chain([body.get(last..).unwrap_or_default()])
    }

    /// How long a body of so many bytes is once changed.
    #[must_use]
    pub fn length_of(&self, body: usize) -> usize {
        let removed: usize = self.0.iter().map(|edit| edit.range.len()).sum();
        let added: usize = self.0.iter().map(|edit| edit.with.len()).sum();
        body.saturating_sub(removed).saturating_add(added)
    }

    /// The changed body, in one allocation.
    #[must_use]
    pub fn apply(&self, body: &[u8]) -> Vec<u8> {
        let mut edited = Vec::with_capacity(self.parts(body).map(<[u8]>::len).sum());
        self.parts(body).for_each(|part| edited.extend_from_slice(part));
        edited
    }

    /// Where the changed body names the model; `None` if it does not.
    #[must_use]
    pub fn model_place(&self, body: &Body) -> Option<ModelPlace> {
        let in_form = matches!(body.layout, Layout::Form { .. });
        let original = body.model.as_ref().map(|field| field.span.clone());
        // How far what comes next has moved: added and removed so far.
        let (mut added, mut removed) = (0_usize, 0_usize);
        for edit in &self.0 {
            let moved = |at: usize| at.saturating_add(added).saturating_sub(removed);
            if let Some(model) = &edit.model {
                let start = moved(edit.range.start);
                let span = start.saturating_add(model.start)..start.saturating_add(model.end);
                return Some(ModelPlace { span, in_form });
            }
            if original.as_ref().is_some_and(|span| span.end <= edit.range.start) {
                break;
            }
            added = added.saturating_add(edit.with.len());
            removed = removed.saturating_add(edit.range.len());
        }
        let moved = |at: usize| at.saturating_add(added).saturating_sub(removed);
        original.map(|span| ModelPlace { span: moved(span.start)..moved(span.end), in_form })
    }

    /// What is replaced, in order, and by how many bytes.
    #[cfg(test)]
    pub(super) fn ranges(&self) -> impl Iterator<Item = (Range<usize>, usize)> + '_ {
        self.0.iter().map(|edit| (edit.range.clone(), edit.with.len()))
    }
}

/// The model's value anew, unless it says the same already.
fn renamed(field: &ModelField, model: &str, write: impl Fn(&str) -> Vec<u8>) -> Option<Edit> {
    let same = matches!(&field.name, ModelName::Name(name) if name == model);
    (!same).then(|| {
        let with = write(model);
        Edit { range: field.span.clone(), model: Some(0..with.len()), with }
    })
}

/// Makes `stream_options` ask for usage.
fn ask(options: &StreamOptions, members: &mut Vec<Vec<u8>>, edits: &mut Vec<Edit>) {
    const ASKING: &[u8] = b"{\"include_usage\":true}";
    match options {
        StreamOptions::Absent => members.push(member("stream_options", ASKING)),
        StreamOptions::Null(range) => edits.push(Edit::new(range.clone(), ASKING.to_vec())),
        StreamOptions::Object { open, empty, include_usage } => match include_usage {
            IncludeUsage::On => {}
            IncludeUsage::Off(range) => edits.push(Edit::new(range.clone(), b"true".to_vec())),
            IncludeUsage::Absent => edits.extend(inserted(*open, &[member("include_usage", b"true")], *empty)),
        },
    }
}

/// `"name":value`
fn member(name: &str, value: &[u8]) -> Vec<u8> {
    [b"\"", name.as_bytes(), b"\":", value].concat()
}

/// Members put in front of those an object has.
fn inserted(open: usize, members: &[Vec<u8>], empty: bool) -> Option<Edit> {
    let mut with = members.join(&b',');
    if with.is_empty() {
        return None;
    }
    if !empty {
        with.push(b',');
    }
    Some(Edit::new(open..open, with))
}

/// A JSON string. Names of models are text, and text always serialises.
fn quoted(text: &str) -> Vec<u8> {
    serde_json::to_vec(text).unwrap_or_default()
}

/// The content of a form field. A line end could begin a boundary: a name has none.
fn plain(text: &str) -> Vec<u8> {
    text.chars().filter(|character| !character.is_control()).collect::<String>().into_bytes()
}

/// A whole field, to stand in front of the first boundary.
fn part(name: &str, value: &str, boundary: &str) -> Vec<u8> {
    let header = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
    [header.as_bytes(), &plain(value), b"\r\n"].concat()
}
