"""From modules to distributions and what they require."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from begat.lineage.recipe import markers, packages, party, recipe
from begat.lineage.recipe.party import Parties, Party


class Site:
    """A folder that distributions are installed into, in front of all others."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(
        self, name: str, version: str, *, files: str, requires: tuple[str, ...] = ()
    ) -> None:
        info = self.folder / f"{name}-{version}.dist-info"
        info.mkdir(parents=True)
        headers = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}"]
        headers += [f"Requires-Dist: {line}" for line in requires]
        (info / "METADATA").write_text("\n".join(headers) + "\n\nRequires-Dist: not-a-header\n")
        (info / "RECORD").write_text("".join(f"{file},,\n" for file in files.split()))
        for file in files.split():
            path = self.folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("def work(x): return x\n")
        forget()


def forget() -> None:
    for cached in (packages.installed, packages.distributions_of, packages.siblings):
        cached.cache_clear()
    packages.versions.cache_clear()
    party._found.cache_clear()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    folder = tmp_path / "site-packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    before = set(sys.modules)
    forget()
    yield Site(folder)
    for name in set(sys.modules) - before:
        if str(folder) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]
    monkeypatch.undo()
    forget()


def versions(*modules: str) -> dict[str, str]:
    return dict(packages.versions(frozenset(modules)))


def test_transitive(site: Site) -> None:
    """What a distribution requires counts, and what that requires; extras as asked for."""
    site.install("One", "1.0", files="one/__init__.py", requires=("two>=1", "three[fast, big]"))
    site.install("two", "2.0", files="two.py", requires=("ONE",))
    site.install(
        "three", "3.0", files="three.py",
        requires=("four; extra == 'fast'", "five ; extra == 'slow'", "six_six; extra=='big'"),
    )  # fmt: skip
    for name in ("four", "five", "six.six", "unrelated"):
        site.install(name, "0.1", files=f"m_{name[:4]}.py")

    found = versions("one")

    expected = {"four": "0.1", "one": "1.0", "six-six": "0.1", "three": "3.0", "two": "2.0"}
    assert found == expected


def test_begat_is_left_out(site: Site) -> None:
    """A plugin that requires begat does not bring what only begat requires."""
    site.install("plug", "1.0", files="plug.py", requires=("begat",))

    assert versions("plug") == {"plug": "1.0"}


def test_not_installed(site: Site) -> None:
    """A requirement that is not installed determines nothing."""
    site.install("one", "1.0", files="one.py", requires=("absent",))

    assert versions("one") == {"one": "1.0"}


def test_other_name(site: Site) -> None:
    """A module is found in the distribution that installed it, by whatever name."""
    site.install("scikit-thing", "1.0", files="skthing/__init__.py")
    site.install("skthing", "9.9", files="other.py")

    assert versions("skthing") == {"scikit-thing": "1.0"}


def test_shared_namespace(site: Site) -> None:
    """Of a namespace that several share, the one that has the module counts."""
    site.install("shared-a", "1.0", files="shared/a/__init__.py")
    site.install("shared-b", "2.0", files="shared/b/__init__.py")

    assert (versions("shared.a"), versions("shared")) == (
        {"shared-a": "1.0"},
        {"shared-a": "1.0", "shared-b": "2.0"},
    )


def test_upgrade(site: Site) -> None:
    """Another version of a library that code uses is another recipe."""
    digests = []
    for version in ("1.0", "1.1"):
        for old in site.folder.glob("*.dist-info/*"):
            old.unlink()
            if not any(old.parent.iterdir()):
                old.parent.rmdir()
        site.install("library", version, files="library.py")
        import library  # type: ignore[import-not-found]  # installed a line above

        made = recipe(job="j", version=0, function=library.work, arguments={}, first_party=["x"])
        assert made.functions.keys() == {"work"}  # its distribution is the pipeline's own
        given = recipe(job="j", version=0, function=test_upgrade, arguments={"f": library.work})
        digests.append((given.digest, given.packages["library"]))

    assert (digests[0] != digests[1], digests[1][1]) == (True, "1.1")


def test_unknown_module(site: Site) -> None:
    """A module that no distribution has answers with its own version."""
    (site.folder / "loose.py").write_text("__version__ = '7'\n")
    import loose  # type: ignore[import-not-found]  # written a line above

    assert (versions("loose"), loose.__version__) == ({"loose": "7"}, "7")


def test_installed_here() -> None:
    """What is really installed is found as importlib.metadata finds it."""
    from importlib.metadata import version

    found = versions("sklearn", "pandas")

    assert found["scikit-learn"] == version("scikit-learn")
    assert found == {name: version(name) for name in found}
    assert {"numpy", "scipy", "joblib", "python-dateutil"} <= set(found)


def test_parties(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Code outside site-packages and the standard library is first-party."""
    site.install("library", "1.0", files="library.py")
    (tmp_path / "mine.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    parties = Parties(["named"])

    names = (
        *("mine", "__main__", "notebook", "named.inner", "library", "numpy.linalg", "json"),
        *("builtins", "_io", "os.path", "begat.lineage.recipe", "begat.flows.flights"),
    )
    own, python = Party.OWN, Party.PYTHON
    expected = [own, own, own, own, Party.OTHER, Party.OTHER, python, python, python, python]
    assert [parties.of(name) for name in names] == [*expected, Party.BEGAT, own]


def test_installed_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution in a folder of its own kind (`pip --target`) is still no first party."""
    Site(tmp_path / "vendored").install("library", "1.0", files="vendlib.py")
    monkeypatch.syspath_prepend(tmp_path / "vendored")
    forget()

    assert Parties().of("vendlib") is Party.OTHER
    forget()


def test_family(site: Site) -> None:
    """All modules of a pipeline's own distribution are first-party, once it is installed."""
    site.install("shop", "1.0", files="shop/__init__.py shop_helpers.py _c.cpython-311-x.so")

    assert party.family("shop.steps") == ("_c", "shop", "shop_helpers")


@pytest.mark.parametrize(
    ("marker", "expected"),
    [
        ("", True),
        ("python_version >= '3.11'", True),
        ("python_version < '3.9'", False),
        ("'3.9' < python_version", True),
        ("python_version in '3.10 3.11 3.12 3.13'", True),
        ("python_full_version ~= '3.11' or python_version > '3.11'", True),
        ("python_version ~= '2.7'", False),
        ("python_version == '3.*'", True),
        ("python_version != '3.*'", False),
        ("sys_platform == 'win32'", False),
        ("os_name == 'posix' and not_a_variable == '1'", True),
        ("sys_platform != 'win32' and (extra == 'a' or extra == 'b')", False),
        ("platform_system not  in 'Windows Darwin'", True),
        ("implementation_name === 'cpython'", True),
        ("extra == 'a", True),
    ],
)
def test_markers(marker: str, expected: bool) -> None:
    """A marker holds as the specification says; one that cannot be read holds."""
    assert markers.holds(marker) is expected


def test_markers_as_packaging_has_them() -> None:
    """All markers of all distributions installed here mean what `packaging` says they do."""
    from packaging.markers import Marker

    differing, seen = [], 0
    for distribution in packages.installed().values():
        for line in packages._headers(distribution.folder / "METADATA"):
            name, _, value = line.partition(":")
            marker = value.partition(";")[2].strip()
            if name == "Requires-Dist" and marker:
                seen += 1
                differing += [
                    (marker, extra)
                    for extra in ("", "all", "test")
                    if markers.holds(marker, extra=extra)
                    != Marker(marker).evaluate({"extra": extra})
                ]

    assert (differing, seen > 100) == ([], True)
