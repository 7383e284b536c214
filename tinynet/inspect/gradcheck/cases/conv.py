"""Cases for convolution, and for the moving of image patches."""

from tinynet.inspect.gradcheck.cases.case import by, case, functional

functional("conv2d", lambda F, x, w, b, **o: F.conv2d(x, w, b, **o), (2, 4, 6, 5),
           by(lambda groups=1: (4, 4 // groups, 3, 3)), (4,), stride=[2, (2, 1)], padding=[1, (0, 2), "same"],
           dilation=[2, (1, 2)], groups=[2, 4], unless=lambda o: o.get("padding") == "same" and "stride" in o)
functional("conv2d 1x1", lambda F, x, w, **o: F.conv2d(x, w, **o), (2, 4, 5, 4),
           by(lambda groups=1: (6, 4 // groups, 1, 1)), stride=[(2, 1)], padding=[1], groups=[2])
functional("conv2d 2x3", lambda F, x, w, **o: F.conv2d(x, w, **o), (1, 2, 6, 7), (2, 2, 2, 3), stride=[2],
           padding=[(2, 1), "same"], dilation=[2], unless=lambda o: o.get("padding") == "same" and "stride" in o)
functional("conv2d more groups", lambda F, x, w, **o: F.conv2d(x, w, padding=1, **o), (2, 4, 4, 5),
           by(lambda groups=2: (8, 4 // groups, 3, 3)), groups=[4], stride=[2], unless=lambda o: "groups" not in o)
functional("conv2d unbatched", lambda F, x, w: F.conv2d(x, w), (2, 4, 5), (3, 2, 3, 3))
functional("conv2d large", lambda F, x, w: F.conv2d(x, w, padding=1), (2, 16, 9, 7), (32, 16, 3, 3))
functional("conv1d", lambda F, x, w, b, **o: F.conv1d(x, w, b, **o), (2, 4, 9),
           by(lambda groups=1: (6, 4 // groups, 3)), (6,), stride=[2], padding=[1, "same"], dilation=[2], groups=[2],
           unless=lambda o: o.get("padding") == "same" and "stride" in o)
functional("conv3d", lambda F, x, w, b, **o: F.conv3d(x, w, b, **o), (1, 2, 4, 3, 3),
           by(lambda groups=1: (2, 2 // groups, 2, 2, 3)), (2,), stride=[(2, 1, 1)], padding=[(1, 0, 1)], groups=[2])
functional("conv_transpose1d", lambda F, x, w, b: F.conv_transpose1d(x, w, b, 2, 1, 1), (2, 3, 4), (3, 2, 3), (2,))
functional("conv_transpose2d", lambda F, x, w, **o: F.conv_transpose2d(x, w, **o), (1, 4, 3, 4),
           by(lambda groups=1: (4, 4 // groups, 3, 3)), stride=[(2, 1)], padding=[1], dilation=[2], groups=[2, 4])
functional("conv_transpose2d output_padding", lambda F, x, w, b: F.conv_transpose2d(x, w, b, (2, 1), 1, (1, 0), 2),
           (2, 4, 3, 4), (4, 2, 3, 3), (4,))
functional("conv_transpose2d wide", lambda F, x, w: F.conv_transpose2d(x, w, None, 1, 1, 1, dilation=2),
           (1, 2, 3, 3), (2, 2, 2, 3))
functional("conv_transpose3d", lambda F, x, w, b: F.conv_transpose3d(x, w, b, 2, (1, 0, 1)),
           (1, 2, 2, 3, 2), (2, 2, 3, 2, 2), (2,))
functional("unfold", lambda F, x, **o: F.unfold(x, 3, **o), (2, 2, 6, 5), padding=[1, (0, 1)], stride=[2, (1, 2)],
           dilation=[(2, 1)])
functional("fold", lambda F, x: F.fold(x, (4, 5), 2), (1, 8, 12))
functional("fold options", lambda F, x: F.fold(x, (5, 6), (3, 2), stride=2, padding=1, dilation=(1, 2)), (1, 12, 9))
functional("pad", lambda F, x, **o: F.pad(x, (1, 2, 0, 1), **o), (2, 2, 3, 4), value=[0.5])
functional("pad negative", lambda F, x: F.pad(x, (-1, 2, 1, -1)), (2, 2, 3, 4))
MODES = ["reflect", "replicate", "circular"]
functional("pad mode", lambda F, x, mode=MODES[0]: F.pad(x, (1, 2, 2, 0), mode), (1, 2, 3, 4), mode=MODES[1:])
functional("pad mode 1-D", lambda F, x, mode=MODES[0]: F.pad(x, (2, 1), mode), (1, 2, 4), mode=MODES[1:])


def shortcut(x):
    from tinynet.ops.shortcut import SubsamplePad
    return SubsamplePad.apply(x, 2, 5, 1)


case("subsample and pad", lambda lib, x: shortcut(x), (2, 2, 5, 4),
     reference=lambda lib, x: lib.nn.functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 1, 2)))
