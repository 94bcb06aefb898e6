"""Where pickles of older modules find `share_mask`."""

from velora.models.lnn.headed.cell import share_mask as share_mask
