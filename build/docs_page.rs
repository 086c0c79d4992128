//! Takes what the page of the documentation needs out of Swagger UI's release, and
//! packs it as it is served.

use std::{
    borrow::Cow,
    error::Error,
    fs,
    io::{Cursor, Read as _, Write as _},
    path::Path,
};

use flate2::{Compression, write::GzEncoder};
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::ZipArchive;

/// By the end of their paths. The others are its sources, maps, other builds, and a
/// page of its own.
const FILES: [&str; 3] = ["dist/swagger-ui-bundle.js", "dist/swagger-ui.css", "NOTICE"];

/// Writes the files into `folder`, compressed by gzip.
pub(crate) fn unpack(folder: &Path) -> Result<(), Box<dyn Error>> {
    let mut archive = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED))?;
    for name in FILES {
        let is_wanted = |path: &Cow<'_, str>| path.ends_with(&format!("/{name}"));
        let in_archive = archive.file_names().filter_map(Result::ok).find(is_wanted);
        let in_archive =
            in_archive.ok_or_else(|| format!("Swagger UI has no {name}"))?.into_owned();
        let mut content = Vec::new();
        archive.by_name(&in_archive)?.read_to_end(&mut content)?;
        let mut packed = GzEncoder::new(Vec::new(), Compression::best());
        packed.write_all(&content)?;
        let name = name.trim_start_matches("dist/");
        fs::write(folder.join(format!("{name}.gz")), packed.finish()?)?;
    }
    Ok(())
}
