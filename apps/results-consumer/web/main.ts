// Begun, so that the page has a script to load.
document.body.dataset['state'] = 'loading';
