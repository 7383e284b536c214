"""Cases for resizing images and for the moving of pixels into channels."""

from tinynet.inspect.gradcheck.cases.case import functional, uniform

functional("interpolate nearest", lambda F, x: F.interpolate(x, (5, 6)), (2, 2, 3, 4))
functional("interpolate linear", lambda F, x: F.interpolate(x, 7, mode="linear"), (2, 2, 4))
functional("interpolate bilinear", lambda F, x: F.interpolate(x, (5, 3), mode="bilinear"), (2, 2, 3, 4))
functional("interpolate corners", lambda F, x: F.interpolate(x, (5, 3), mode="bilinear", align_corners=True),
           (2, 2, 3, 4))
functional("interpolate bicubic", lambda F, x: F.interpolate(x, scale_factor=1.7, mode="bicubic"), (1, 2, 3, 4))
functional("interpolate trilinear", lambda F, x: F.interpolate(x, (3, 2, 5), mode="trilinear"), (1, 2, 2, 3, 4))
functional("pixel_shuffle", lambda F, x: F.pixel_shuffle(x, 2), (2, 8, 2, 3))
functional("pixel_unshuffle", lambda F, x: F.pixel_unshuffle(x, 2), (2, 2, 4, 6))
functional("channel_shuffle", lambda F, x: F.channel_shuffle(x, 3), (2, 6, 2))
SILENT = {"align_corners": False}      # the default, which PyTorch warns of unless it is written out
functional("affine_grid", lambda F, t, **o: F.affine_grid(t, (2, 1, 3, 4), **{**SILENT, **o}), (2, 2, 3),
           align_corners=[True])
functional("grid_sample", lambda F, x, g, **o: F.grid_sample(x, g, **{**SILENT, **o}), (2, 2, 4, 3),
           uniform(-1.2, 1.2, 2, 3, 2, 2), padding_mode=["border"], align_corners=[True])
