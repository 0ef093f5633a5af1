"""TIFF files: their page tables, what is missing in them, and folders of them."""
