"""The examples of images.md: prints what the page says and draws its pictures.

python docs/examples/images.py
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from skae import AutoEncoder, DenoisingAE
from skae.metrics import peak_signal_noise_ratio

PICTURES = Path(__file__).resolve().parent / "pictures"
PIXELS = np.arange(9).reshape(3, 3)
LINES = [*PIXELS, *PIXELS.T, PIXELS.diagonal(), PIXELS[::-1].diagonal()]


def draw(rows, name):
    """Save images in labelled rows, of values in [0, 1]; `rows` maps labels to images."""
    shape = (len(rows), len(next(iter(rows.values()))))
    size = {"figsize": (0.8 * shape[1] + 1, 0.8 * shape[0])}
    figure, axes = plt.subplots(*shape, layout="constrained", **size)
    for (label, images), line in zip(rows.items(), axes, strict=True):
        for image, ax in zip(images, line, strict=True):
            side = int(len(image) ** 0.5)
            ax.imshow(image.reshape(side, side), cmap="gray_r", vmin=0, vmax=1)
            ax.set(xticks=[], yticks=[])
        line[0].set_ylabel(label, rotation=0, ha="right", va="center")
    figure.savefig(PICTURES / name, dpi=80)


def noisy_in_clean_out():
    """Digits with normal noise of half of their range."""
    train, test = train_test_split(load_digits().data / 16, test_size=0.3, random_state=0)
    noisy = test + np.random.default_rng(0).normal(scale=0.5, size=test.shape)
    settings = {"noise_level": 0.5, "scaler": None, "lr": 1e-3, "random_state": 0}
    model = DenoisingAE(32, hidden_layer_sizes=(256, 256), **settings).fit(train)
    pca = PCA(8).fit(train)  # about the best number for this noise
    rows = {
        "noisy": noisy,
        "PCA": pca.inverse_transform(pca.transform(noisy)),
        "DenoisingAE": model.reconstruct(noisy),
        "truth": test,
    }
    for label, images in rows.items():
        psnr = peak_signal_noise_ratio(test, images, data_range=1.0)
        print(f"{label}: {psnr:.1f} dB")
    draw({label: images[:10] for label, images in rows.items()}, "denoised.png")


def why_it_works():
    """The eight lines of three pixels, in two numbers."""
    images = np.array([np.isin(PIXELS.ravel(), line) for line in LINES], dtype=float)
    rows = np.repeat(images, 50, axis=0)
    pca, model = PCA(2).fit(rows), AutoEncoder(2, scaler=None, random_state=0).fit(rows)
    print(model.transform(images).round(1))
    restored = {
        "images": images,
        "PCA": pca.inverse_transform(pca.transform(images)),
        "AutoEncoder": model.reconstruct(images),
    }
    draw(restored, "lines.png")


if __name__ == "__main__":
    noisy_in_clean_out()
    why_it_works()
