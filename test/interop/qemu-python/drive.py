"""Drives a program that speaks QMP with QEMU's own Python library, and prints all that it is told.

    usage: python3 drive.py PART PROGRAM [ARGUMENT...]

The parts are below: functions that are given the program's command line. Each runs in a folder of
its own, where there are `source.img` and `target.img`, and leaves the program ended. Times and
versions are left out of what is printed, so that two programs can be compared.
"""

import asyncio
import os
import subprocess
import sys
import time
from contextlib import contextmanager, suppress

from qemu.machine import QEMUMachine
from qemu.qmp import EventListener, ExecuteError, QMPClient
from qemu.qmp.legacy import QEMUMonitorProtocol

SOCKET = 'qmp.sock'
PIDFILE = 'pid'


@contextmanager
def running(program, *arguments):
    """Runs the program while the body does, which is to have it end."""
    with subprocess.Popen([*program, *arguments]) as process:
        try:
            yield process
            print('exit code', process.wait(timeout=10))
        finally:
            process.kill()


@contextmanager
def served(program):
    """Runs the program with a monitor that listens on SOCKET."""
    chardev = f'socket,id=qmp,path={SOCKET},server=on,wait=off'
    options = ['--chardev', chardev, '--monitor', 'chardev=qmp', '--pidfile', PIDFILE]
    with running(program, *options) as process:
        while not os.path.exists(PIDFILE):
            time.sleep(0.01)
        yield process


def show(event):
    """Prints an event without its time."""
    print(event['event'], event.get('data'))


async def refusal(execution):
    """Prints the error that an execution ends with."""
    try:
        print('no error:', await execution)
    except ExecuteError as error:
        print(error.error_class, error, sep=': ')


def disk(name):
    """Arguments that make a disk."""
    file = {'driver': 'file', 'filename': f'{name}.img'}
    return {'driver': 'raw', 'node-name': name, 'file': file}


async def client_session():
    """All that the asynchronous client can do."""
    client = QMPClient('tester')
    client.logger.disabled = True
    jobs = EventListener(names=('BLOCK_JOB_READY', 'BLOCK_JOB_COMPLETED'))
    client.register_listener(jobs)
    await client.connect(SOCKET)
    print('greeted by', client.greeting.QMP.version['qemu']['major'])
    print('capable of', client.greeting.QMP.capabilities)

    await refusal(client.execute('no-such-command'))
    await refusal(client.execute('blockdev-add', {'driver': 'raw'}))
    await refusal(client.execute('blockdev-del', {'node-name': 7}))
    await refusal(client.execute('query-jobs', oob=True))
    await refusal(client.execute_msg(client.make_execute_msg('query-jobs', {'more': 1})))

    for name in ('source', 'target'):
        print(name, await client.execute('blockdev-add', disk(name)))
    await refusal(client.execute('blockdev-add', disk('source')))
    mirror = {'job-id': 'job', 'device': 'source', 'target': 'target', 'sync': 'full'}
    with client.listener(names='JOB_STATUS_CHANGE') as changes:
        print('mirror', await client.execute('blockdev-mirror', mirror))
        show(await jobs.get())
        await refusal(client.execute('blockdev-del', {'node-name': 'source'}))
        print('complete', await client.execute('job-complete', {'id': 'job'}))
        show(await jobs.get())
        statuses = [(await changes.get())['data']['status'] for _ in range(7)]
        print('statuses', statuses)

    # Several at once: each gets its own answer.
    answers = await asyncio.gather(
        client.execute('query-jobs'),
        client.execute('query-block-jobs'),
        client.execute('query-named-block-nodes', {'flat': True}),
    )
    print(*(len(answer) for answer in answers))
    for name in ('source', 'target'):
        print(name, await client.execute('blockdev-del', {'node-name': name}))
    print('quit', await client.execute('quit'))
    with suppress(EOFError):  # The program may have hung up by now.
        await client.disconnect()


def client(program):
    """The asynchronous client."""
    with served(program):
        asyncio.run(client_session())


def legacy(program):
    """The synchronous client, which listens while the program connects."""
    monitor = QEMUMonitorProtocol(SOCKET, server=True)
    chardev = f'socket,id=qmp,path={SOCKET}'
    with running(program, '--chardev', chardev, '--monitor', 'chardev=qmp'):
        print('capable of', monitor.accept()['QMP']['capabilities'])
        print(monitor.cmd('blockdev-add', disk('source')))
        print(monitor.cmd('blockdev-add', disk('target')))
        print(monitor.cmd('blockdev-add', disk('target')))
        try:
            monitor.command('block-job-cancel', device='job')
        except ExecuteError as error:
            print(error.error_class, error)
        mirror = {'job-id': 'job', 'device': 'source', 'target': 'target', 'sync': 'none'}
        print(monitor.command('blockdev-mirror', **mirror))
        names = iter(lambda: pulled(monitor)['event'], 'BLOCK_JOB_READY')
        print(*names)
        monitor.clear_events()
        print(monitor.command('block-job-cancel', device='job'))
        while (event := pulled(monitor))['event'] != 'BLOCK_JOB_COMPLETED':
            show(event)
        show(event)
        print(monitor.cmd_obj({'execute': 'quit', 'id': 'the end'}))
        with suppress(EOFError):  # The program may have hung up by now.
            monitor.close()


def pulled(monitor):
    """The next event, which must come soon."""
    return monitor.pull_event(wait=10.0)


def shell(program):
    """qmp-shell, with commands on its standard input."""
    commands = """
        blockdev-add driver=null-co node-name=disk size=4096
        no-such-command
        blockdev-mirror job-id=job
        transaction(
        block-dirty-bitmap-add node=disk name=bitmap
        block-dirty-bitmap-add node=none name=bitmap )
        query-jobs
    """.strip().replace('    ', '')
    with served(program) as process:
        command = [sys.executable, '-m', 'qemu.qmp.qmp_shell', '--pretty', SOCKET]
        options = {'input': commands, 'stdout': subprocess.PIPE, 'text': True, 'check': True}
        answers = subprocess.run(command, **options).stdout
        print(answers.partition('Connected to QEMU')[2])
        process.terminate()


def machine(program):
    """QEMUMachine, which starts the program by itself and ends it."""
    *wrapper, binary = program
    folders = {'base_temp_dir': '.', 'sock_dir': '.'}
    with QEMUMachine(binary, ['-S', '-nodefaults'], wrapper, **folders) as emulator:
        emulator.set_machine('none')
        emulator.add_args('-drive', 'if=none,id=drive,file=source.img,format=raw')
        emulator.launch()
        print(emulator.qmp('query-status'))
        target = {'target': 'target.img', 'format': 'raw', 'mode': 'existing'}
        print(emulator.qmp('drive-mirror', device='drive', sync='full', **target))
        show(emulator.event_wait('BLOCK_JOB_READY', timeout=10))
        print(emulator.command('block-job-complete', device='drive'))
        show(emulator.event_wait('BLOCK_JOB_COMPLETED', timeout=10))
        print(emulator.command('human-monitor-command', command_line='info status'))
        print(emulator.command('cont'))
        show(emulator.event_wait('RESUME', timeout=10))
        emulator.shutdown()
        print('exit code', emulator.exitcode())


PARTS = {part.__name__: part for part in (client, legacy, shell, machine)}
PARTS[sys.argv[1]](sys.argv[2:])
