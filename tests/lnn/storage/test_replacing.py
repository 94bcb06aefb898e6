"""What a file becomes: of the old one all, or of the new one all, and as private."""

import errno
import os
import stat
import sys

import pytest
from network_files import SIZES, assert_alike

from velora.models import NCPNetwork, load_network, save_network

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="files have no mode and no owner there"
)


@pytest.fixture
def umask():
    before = os.umask(0o027)
    yield
    os.umask(before)


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("umask")
def test_a_new_file_has_the_mode_of_the_umask(path):
    save_network(NCPNetwork(*SIZES), path)
    assert mode_of(path) == 0o640


@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize("mode", [0o600, 0o400, 0o644, 0o666, 0o777, 0o000])
def test_the_mode_of_a_file_is_kept(saved, path, mode):
    path.chmod(mode)
    save_network(saved, path)
    assert mode_of(path) == mode
    path.chmod(0o600)
    load_network(path)


@pytest.mark.usefixtures("umask")
def test_a_private_file_is_private_while_it_is_written(saved, path, monkeypatch):
    modes = []

    def watched(source, target):
        modes.append(mode_of(path.with_name(os.path.basename(source))))
        replace(source, target)

    def measured(descriptor, *owner):
        modes.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        chown(descriptor, *owner)

    replace, chown = os.replace, os.fchown
    monkeypatch.setattr(os, "replace", watched)
    monkeypatch.setattr(os, "fchown", measured)
    path.chmod(0o604)
    save_network(saved, path)
    assert modes == [0o600, 0o604]  # once the numbers are in it, and at its end


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away"
)
def test_the_owner_of_a_file_is_kept(saved, path):
    os.chown(path, 12345, 54321)
    path.chmod(0o640)
    save_network(saved, path)
    status = path.stat()
    assert (status.st_uid, status.st_gid) == (12345, 54321)
    assert mode_of(path) == 0o640


def test_an_owner_that_cannot_be_kept_is_no_error(saved, path, monkeypatch):
    def forbidden(descriptor, user, group):
        asked.append(user)
        raise PermissionError(1, "Operation not permitted")

    asked = []
    monkeypatch.setattr(os, "fchown", forbidden)
    path.chmod(0o600)
    save_network(saved, path)
    assert asked == [path.stat().st_uid, -1]  # the group at least
    assert mode_of(path) == 0o600


def test_of_a_link_the_target_is_replaced(saved, path, tmp_path, outputs_of):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    target = path.rename(folder / "target")
    target.chmod(0o600)
    path.symlink_to(os.path.relpath(target, path.parent))
    network = NCPNetwork(5, 12, 3)
    save_network(network, path)
    assert path.is_symlink()
    assert not target.is_symlink()
    assert mode_of(target) == 0o600
    assert_alike(load_network(target), network, outputs_of)
    assert os.listdir(folder) == ["target"]


def test_of_a_dangling_link_the_target_is_made(path, tmp_path, outputs_of):
    path.symlink_to(tmp_path / "target")
    network = NCPNetwork(*SIZES)
    save_network(network, path)
    assert path.is_symlink()
    assert_alike(load_network(tmp_path / "target"), network, outputs_of)


def test_a_link_to_itself_is_an_error_of_the_file_system(path):
    path.symlink_to(path)
    with pytest.raises(OSError, match="symbolic"):
        save_network(NCPNetwork(*SIZES), path)
    with pytest.raises(OSError, match="symbolic"):
        load_network(path)
    assert os.listdir(path.parent) == [path.name]


def test_all_is_on_disk_before_the_older_file_is_gone(saved, path, monkeypatch):
    def synced(descriptor):
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        calls.append("sync folder" if is_folder else "sync file")
        if not is_folder:
            sizes.append(os.fstat(descriptor).st_size)
        sync(descriptor)

    def replaced(*names):
        calls.append("replace")
        replace(*names)

    calls, sizes = [], []
    sync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    save_network(saved, path)
    assert calls == ["sync file", "replace", "sync folder"]
    assert sizes == [path.stat().st_size]


@pytest.mark.parametrize("error", [OSError(5, "I/O error"), KeyboardInterrupt()])
@pytest.mark.parametrize("where", ["fsync", "replace"])
def test_after_an_error_all_is_as_before(saved, path, monkeypatch, where, error):
    def fails(*_, **__):
        raise error

    before = path.read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr(os, where, fails)
        with pytest.raises(type(error)):
            save_network(NCPNetwork(5, 12, 3), path)
    assert os.listdir(path.parent) == [path.name]
    assert path.read_bytes() == before


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EIO])
def test_a_folder_that_is_not_synced_is_told_of(saved, path, monkeypatch, number):
    def fails(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, "of the folder")

    monkeypatch.setattr(os, "fsync", fails)
    network = NCPNetwork(5, 12, 3)
    if number == errno.EINVAL:  # this file system does not sync folders at all
        save_network(network, path)
    else:
        with pytest.raises(OSError, match="of the folder"):
            save_network(network, path)
    assert load_network(path).in_features == 5
    assert os.listdir(path.parent) == [path.name]


def test_a_missing_folder_is_told_of_by_the_name_that_was_asked_for(saved, tmp_path):
    path = tmp_path / "none" / "network.safetensors"
    with pytest.raises(FileNotFoundError) as caught:
        save_network(saved, path)
    assert caught.value.filename == str(path)
    with pytest.raises(NotADirectoryError):
        save_network(saved, tmp_path / "network.safetensors" / "inside")


def test_no_descriptor_stays_open(saved, path):
    def descriptors():
        return len(os.listdir("/proc/self/fd"))

    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("this system does not list open files")
    before = descriptors()
    for _ in range(3):
        save_network(saved, path)
        load_network(path)
        with pytest.raises(OSError, match="directory"):
            load_network(path.parent)
    assert descriptors() == before
