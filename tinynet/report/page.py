"""report.html, a page that needs no other file, and its two plots as separate files."""

import base64
import html
import io
import pathlib

import numpy as np

from tinynet import plots
from tinynet.system.files import atomic_write
from tinynet.version import __version__

MISTAKES = 24                          # images that the network gets wrong, at most
MOST_CLASSES = 40                      # of a confusion matrix that is written out
STYLE = pathlib.Path(__file__).with_name("page.css")


def write(folder, title, outcome, curves=None, settings=None, commands=()):
    """Write report.html, confusion.png and mistakes.png into `folder`; returns the path of the page.

    `outcome` has the results on the test set, `curves` is the path of the plot of its training, `settings` is a dict,
    and `commands` are pairs (purpose, command).
    """
    folder, dataset = pathlib.Path(folder), outcome.dataset
    worst = outcome.mistakes(MISTAKES)
    plots.confusion_matrix(outcome.confusion, folder / "confusion.png", dataset.classes)
    if len(worst):
        plots.image_sheet(shown(dataset.images[worst]), folder / "mistakes.png", dataset.labels[worst],
                          outcome.predictions[worst], dataset.classes)
    parts = [
        f"<h1>{text(title)}</h1>", lead(outcome),
        section("Training", picture(curves, "Loss and accuracy by epoch", "curves")) if curves else "",
        section("By class", classes(outcome)), section("What is taken for what", confusion(outcome, folder)),
        section("The worst mistakes", mistakes(outcome, worst)),
        section("How to go on", going_on(commands)) if commands else "",
        section("Settings", pairs(settings)) if settings else "",
        f"<p>Made by tinynet {__version__}.</p>"]
    style = STYLE.read_text(encoding="utf-8")
    page = (f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{text(title)}</title>\n'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<style>\n{style}</style>\n'
            "</head>\n<body>\n" + "\n".join(filter(None, parts)) + "\n</body>\n</html>\n")
    with atomic_write(folder / "report.html") as file:
        file.write(page.encode())
    return folder / "report.html"


def text(value):
    return html.escape(str(value))


def name(value):
    """A name that the user has chosen, with its own writing direction, so that an Arabic name moves no numbers."""
    return f"<bdi>{text(value)}</bdi>"


def path_text(value):
    """A path: it is always shown from left to right."""
    return f'<bdi dir="ltr">{text(value)}</bdi>'


def section(heading, body):
    return f"<h2>{heading}</h2>\n{body}"


def lead(outcome):
    right, count = np.trace(outcome.confusion), len(outcome.predictions)
    return (f'<p class="lead">Right about {right:,} of {count:,} images it has never learned from: '
            f"<b>{100 * outcome.accuracy:.1f} %</b>, in {len(outcome.dataset.classes)} classes.</p>")


def picture(path, alternative, kind):
    content = base64.b64encode(pathlib.Path(path).read_bytes()).decode()
    return f'<img class="{kind}" alt="{alternative}" src="data:image/png;base64,{content}">'


def classes(outcome):
    rows = []
    for label, images, right, other, count in outcome.classes():
        share = 100 * right / images if images else 0
        rows.append(f"<tr><td>{name(label)}</td><td>{images}</td><td>{share:.1f} %</td>"
                    f'<td><span class="bar"><span style="width:{share:.1f}%"></span></span></td>'
                    f"<td>{f'{name(other)} ({count})' if count else ''}</td></tr>")
    return ('<div class="wide"><table><thead><tr><th>class</th><th>images</th><th>right</th><th></th>'
            f"<th>most often taken for</th></tr></thead><tbody>\n{chr(10).join(rows)}\n</tbody></table></div>")


def confusion(outcome, folder):
    """The confusion matrix as a table, or as an image if a table of so many classes would be too large."""
    names = outcome.dataset.classes
    if len(names) > MOST_CLASSES:
        return picture(folder / "confusion.png", "Confusion matrix", "confusion")
    shares = outcome.confusion / np.maximum(outcome.confusion.sum(1, keepdims=True), 1)
    head = "".join(f"<th>{name(label)}</th>" for label in names)
    rows = ["<tr><td>{}</td>{}</tr>".format(name(label), "".join(
        f'<td style="background:rgb({"59 125 216" if i == j else "208 69 62"} / {share:.2f})">{count or ""}</td>'
        for j, (count, share) in enumerate(zip(counts, row))))
        for i, (label, counts, row) in enumerate(zip(names, outcome.confusion, shares))]
    return ("<p>A row for each class; the columns count what its images were taken for.</p>"
            f'<div class="wide"><table class="confusion"><thead><tr><th></th>{head}</tr></thead><tbody>\n'
            f"{chr(10).join(rows)}\n</tbody></table></div>")


def mistakes(outcome, worst):
    """The images that the network gets wrong, in descending order of its probability."""
    if not len(worst):
        return "<p>None: every image was classified right.</p>"
    dataset, figures = outcome.dataset, []
    for i in worst:
        guess, truth = outcome.predictions[i], dataset.labels[i]
        path = f"<br>{path_text(dataset.paths[i])}" if dataset.paths else ""
        figures.append(f'<figure><img alt="" src="{data_uri(dataset.images[i])}"><figcaption>'
                       f"<b>{name(dataset.classes[guess])}</b> {100 * outcome.probabilities[i, guess]:.1f} %, is "
                       f"{name(dataset.classes[truth])}{path}</figcaption></figure>")
    return f'<div class="mistakes">\n{chr(10).join(figures)}\n</div>'


def shown(images):
    """Images (N, H, W, C) of any number of channels, floats or uint8, as uint8 with 1 or 3 channels."""
    if images.dtype != np.uint8:
        images = np.rint(images * 255).astype(np.uint8)
    channels = images.shape[-1]
    return images[..., :3] if channels > 3 else images[..., :1] if channels == 2 else images


def data_uri(image):
    from PIL import Image
    image, content = shown(image), io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(content, "png")
    return f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}"


def going_on(commands):
    return "\n".join(f"<p>{text(purpose)}</p>\n<pre>{text(command)}</pre>" for purpose, command in commands)


def pairs(values):
    rows = "\n".join(f"<tr><td>{text(key)}</td><td>{path_text(value)}</td></tr>" for key, value in values.items()
                     if value is not None)
    return f'<div class="wide"><table><tbody>\n{rows}\n</tbody></table></div>'
