"""Data folders: examples on disk as the arrays that kernels take, mapped into memory.

    manifest.json   what the folder is, its sizes, and of each array its length and CRC-32
    x_indptr.npy    i64 (n_samples + 1), x_indices.npy i32, x_values.npy f32: features, as CSR
    y_*.npy         the same of labels
    left_out_*.npy  the same of pairs that are left out, where there are any
    keys.npy        u64 (n_samples): what the canonical order sorts by
    names.json      what features and labels are called, where they have names
    text.json       how texts became features, where they did: both as in a model's folder

* `manifest` says what a folder must hold, `arrays` writes and maps one file, `naming` those of
  names, `writing` all files of a folder, `opening` maps a folder and checks it, `converting` fills
  one from other files, `texts` from files of texts.
"""

from slide.data.folders.opening import check_folder, is_data_folder, open_folder

__all__ = ["check_folder", "is_data_folder", "open_folder"]
