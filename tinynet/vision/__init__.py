"""torchvision's transforms, data sets, utilities, layers and models, under torchvision's names.

    transforms     images to tensors, and random changes of them
    datasets       CIFAR-10 and CIFAR-100, MNIST and Fashion-MNIST, folders of images, random images
    utils          images side by side, and saved
    ops            the layers of torchvision's own networks
    models         tinynet's ResNets with torchvision's signatures
"""
