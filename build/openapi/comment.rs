//! The comments of the proto, which are the document's descriptions.

use protox::prost_reflect::{
    EnumDescriptor, EnumValueDescriptor, FieldDescriptor, FileDescriptor, MessageDescriptor,
    MethodDescriptor, ServiceDescriptor,
};

/// What has a comment.
pub(super) trait Commented {
    fn place(&self) -> (FileDescriptor, &[i32]);

    /// Its comment, each paragraph on a line; empty where it has none.
    fn comment(&self) -> String {
        let (file, path) = self.place();
        let info = file.file_descriptor_proto().source_code_info.as_ref();
        let found = info.and_then(|info| info.location.iter().find(|found| found.path == path));
        let text = found.and_then(|found| found.leading_comments.as_deref()).unwrap_or_default();
        let paragraphs = text
            .trim()
            .split("\n\n")
            .map(|paragraph| paragraph.lines().map(str::trim).collect::<Vec<_>>().join(" "));
        paragraphs.collect::<Vec<_>>().join("\n\n")
    }

    /// The first sentence of its comment, without the full stop.
    fn title(&self) -> String {
        let comment = self.comment();
        let end = comment.find(". ").unwrap_or(comment.len());
        comment[..end].trim_end_matches('.').to_owned()
    }
}

macro_rules! commented {
    ($($descriptor:ident)*) => {$(
        impl Commented for $descriptor {
            fn place(&self) -> (FileDescriptor, &[i32]) {
                (self.parent_file(), self.path())
            }
        }
    )*};
}

commented! { EnumDescriptor FieldDescriptor MessageDescriptor MethodDescriptor ServiceDescriptor }

impl Commented for EnumValueDescriptor {
    fn place(&self) -> (FileDescriptor, &[i32]) {
        (self.parent_enum().parent_file(), self.path())
    }
}
