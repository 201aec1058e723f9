//! Captures of outputs through Desktop Duplication. The captures of one output share its duplication.

use super::desktop::Desktop;
use crate::error::Result;
use crate::source::d3d11::shared_screen::{Registry, SharedScreen};
use crate::source::d3d11::D3d11Source;
use crate::source::displays::outputs::Arrangement;
use crate::source::output::select;
use crate::source::OpenOptions;

/// The outputs that this process duplicates.
static DUPLICATIONS: Registry<Desktop> = Registry::new();

/// One output, through Desktop Duplication.
pub(in crate::source) type DxgiSource = D3d11Source<Desktop>;

impl DxgiSource {
    /// Opens the output that `options` name.
    ///
    /// # Errors
    /// As for [`crate::source::open`].
    pub(in crate::source) fn open(options: &OpenOptions) -> Result<Self> {
        Self::new(shared_duplication(options)?, options)
    }
}

/// The duplication of the output that `options` name, shared with the other captures of it.
fn shared_duplication(options: &OpenOptions) -> Result<SharedScreen<Desktop>> {
    let arrangement = Arrangement::query()?;
    let infos = arrangement.infos()?;
    let chosen = select(&infos, options.device, &options.output)?;
    let index = infos.iter().position(|info| info == chosen).unwrap_or_default();
    DUPLICATIONS.join(chosen.identity(), || Desktop::open(&arrangement.outputs[index]))
}
