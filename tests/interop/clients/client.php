<?php
// Asks for each path that comes by a line, with the cookies of PHP's curl in memory, and writes the body by a line.
$client = curl_init();
curl_setopt_array($client, [CURLOPT_RETURNTRANSFER => true, CURLOPT_COOKIEFILE => '', CURLOPT_PROXY => '', CURLOPT_TIMEOUT => 60]);
while (($path = fgets(STDIN)) !== false) {
    curl_setopt($client, CURLOPT_URL, $argv[1] . rtrim($path, "\n"));
    echo curl_exec($client), "\n";
}
