"""What a path may name: a regular file, by whatever name, and nothing else."""

import os
import socket
import stat
import sys

import pytest
from network_files import SIZES, assert_alike

from velora.models import NCPNetwork, load_network, save_network

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="these kinds of files are not there"
)


def pipe(path):
    os.mkfifo(path)


def device(path):
    try:
        os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        path.read_bytes()
    except OSError as error:
        pytest.skip(f"no device can be made or read here: {error}")


def listening(path):
    folder = os.getcwd()
    os.chdir(path.parent)  # the name of a socket is short
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(folder)


KINDS = {pipe: "named pipe", device: "character device", listening: "socket"}


@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize("linked", [False, True])
def test_another_kind_is_not_replaced(path, tmp_path, make, linked):
    make(path)
    before = path.stat()
    given = path
    if linked:
        given = tmp_path / "link"
        given.symlink_to(path)
    with pytest.raises(OSError, match=f"regular file; got the {KINDS[make]}") as caught:
        save_network(NCPNetwork(*SIZES), given)
    assert str(given) in str(caught.value)
    assert path.stat() == before
    assert set(os.listdir(tmp_path)) == {path.name, given.name}


@pytest.mark.parametrize("make", KINDS)
def test_another_kind_is_not_read(path, make):
    make(path)
    with pytest.raises(OSError, match=f"the {KINDS[make]}|No such device|supported"):
        load_network(path)


def test_a_pipe_with_a_writer_is_not_read_either(path):
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(path, os.O_WRONLY)
    try:
        os.write(writer, b"\0" * 100)
        with pytest.raises(OSError, match="named pipe"):
            load_network(path)
        assert len(os.read(reader, 200)) == 100  # all of it is still there
    finally:
        os.close(reader)
        os.close(writer)


def test_a_folder_is_named_in_both_errors(tmp_path):
    with pytest.raises(IsADirectoryError, match=tmp_path.name):
        load_network(tmp_path)
    with pytest.raises(IsADirectoryError, match=f"the directory .*{tmp_path.name}"):
        save_network(NCPNetwork(*SIZES), tmp_path)


@pytest.mark.parametrize("name", [b"caf\xc3\xa9", b"\xff\xfe", b"a\nb", b" "])
@pytest.mark.parametrize("decode", [bytes, os.fsdecode])
def test_any_name_that_a_file_can_have_will_do(tmp_path, outputs_of, name, decode):
    path = os.path.join(os.fsencode(tmp_path), name)
    network = NCPNetwork(*SIZES)
    save_network(network, decode(path))
    assert os.listdir(os.fsencode(tmp_path)) == [name]
    assert_alike(load_network(decode(path)), network, outputs_of)
    with open(path, "wb"):
        pass
    with pytest.raises(ValueError, match="whole and unchanged") as caught:
        load_network(decode(path))
    str(caught.value).encode()  # it can be printed


@pytest.mark.parametrize("name", ["a\0b", b"a\0b", "\ud800"])
def test_a_name_that_no_file_can_have_is_a_value_error(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"null|surrogates"):
        load_network(name)
    with pytest.raises(ValueError, match=r"null|surrogates"):
        save_network(NCPNetwork(*SIZES), name)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("path", ["", b"", "x" * 10_000])
def test_a_name_that_names_nothing_is_an_error_of_the_file_system(path):
    with pytest.raises(OSError, match=r"No such file|too long"):
        load_network(path)


@pytest.mark.parametrize("path", [0, None, 1.5, ["a"]])
def test_what_is_no_path_is_a_type_error(path):
    with pytest.raises(TypeError, match=r"str, bytes or os\.PathLike"):
        load_network(path)
    with pytest.raises(TypeError, match=r"str, bytes or os\.PathLike"):
        save_network(NCPNetwork(*SIZES), path)


def test_a_file_larger_than_memory_is_not_read(saved, path):
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        os.truncate(path, memory + 1)
    except OSError as error:
        pytest.skip(f"this file system has no file of that size: {error}")
    with pytest.raises(OSError, match=f"fits into memory, {memory} bytes; got"):
        load_network(path)
