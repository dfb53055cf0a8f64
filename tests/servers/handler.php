<?php
// The handler is told nothing; it learns from a write that fails.
ignore_user_abort(true);    // or it would end there, without a word
const GAP_MS = 50;

$witness = stream_socket_client('udp://127.0.0.1:' . getenv('WITNESS'));
fwrite($witness, 'begin');
fread($witness, 100);       // the word to go on, once the fetch has been cancelled
fwrite($witness, write_pieces((int) getenv('WORK_MS')));

function write_pieces(int $work_ms): string
{
    for ($write = 1; $write * GAP_MS < $work_ms; $write++) {
        flush();            // at first, it sends the head
        if (connection_aborted()) {
            return "gone $write";
        }
        usleep(GAP_MS * 1000);
        echo "piece\n";
    }
    return 'end';
}
